"""Joint losses, one a file: a section of the config, a pure function of similarities, an entry."""
