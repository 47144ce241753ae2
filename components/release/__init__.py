"""Releases: numbered files, an audit log, a version in MLflow, TensorFlow Serving's config."""
