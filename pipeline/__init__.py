"""The pipeline of TFX nodes, its config, its local runner and what it prints."""
