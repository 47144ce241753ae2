"""The sections of the config that the trainer reads; importing them imports no TensorFlow."""
