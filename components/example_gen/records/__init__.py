"""Records: their captions and splits, and the quarantine."""
