"""The Beam graph of ingest and its stages."""
