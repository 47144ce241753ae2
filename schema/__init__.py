"""Names, errors, registries and text handling that all other packages share."""
