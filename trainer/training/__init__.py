"""The training run: input pipeline, steps, optimizer, checkpoints."""
