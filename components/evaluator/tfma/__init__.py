"""What connects ranking and metrics to TensorFlow Model Analysis."""
