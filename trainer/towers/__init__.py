"""Image towers and text towers, one a file: a section of the config, a builder, an entry."""
