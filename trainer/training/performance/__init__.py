"""Settings that make steps faster."""
