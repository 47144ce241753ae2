"""The training run: data, steps, optimizer, checkpoints."""
