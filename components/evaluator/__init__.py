"""Evaluation: rank first, over all candidates; then aggregate, slice and gate."""
