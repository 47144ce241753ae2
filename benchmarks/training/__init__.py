"""Training against open_clip, in an environment of its own below runs/."""
