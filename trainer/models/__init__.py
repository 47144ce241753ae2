"""Both towers of a config as one Keras model, and its joint loss."""
