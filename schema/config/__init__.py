"""Base class, types and error messages of all sections of the config."""
