"""Data sets, files and configs that mean harm or are damaged."""
