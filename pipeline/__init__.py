"""One pipeline, its config, the local runner and the command line."""
