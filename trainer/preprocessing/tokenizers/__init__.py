"""Tokenizers: every file registers one. Free of TensorFlow at import."""
