"""Tar files: their members, and records of members."""
