"""Readers of files of pairs: one file a format. See `registry` for how to add one."""
