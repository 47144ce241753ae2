"""Pretrained weights: where they are, and readers of their files. Free of TensorFlow at import."""
