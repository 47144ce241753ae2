"""The components: plain functions that do the work, TFX wrappers that unpack artifacts."""
