"""Readers of tables: CSV, JSON Lines, Parquet and TFRecord."""
