"""Examples of what a model finds, and of what it does not find."""
