"""Rows, records, their captions and splits, and what is quarantined."""
