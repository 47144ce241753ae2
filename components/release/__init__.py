"""A release: files under one number, a version in the registry, an alias, a serving config."""
