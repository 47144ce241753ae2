"""The curated schema, with the attributes of the config added."""
