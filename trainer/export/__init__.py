"""Exported networks: SavedModels, golden outputs, initial weights from earlier exports, digests."""
