"""Diptych: the public Python interface and the command line."""
