"""Exact ranks of the right match among all candidates."""
