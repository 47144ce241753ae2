"""The two towers and what they are built from."""
