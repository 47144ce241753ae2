"""The Python client: load a release or a served model, embed, compare and search."""
