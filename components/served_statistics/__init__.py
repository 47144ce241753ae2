"""The statistics of the data behind the release that serves now."""
