"""Look at a folder of data and write a config that fits it."""
