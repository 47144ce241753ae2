"""Read image files with TensorFlow operations."""
