"""What answers the calls of a client: a SavedModel in this process, or TensorFlow Serving."""
