"""Clients that call the exported models: a fresh process, and TensorFlow Serving."""
