"""How fast pairs become examples that a training step can read."""
