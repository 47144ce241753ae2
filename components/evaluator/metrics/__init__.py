"""The metrics: what is computed from ranks, scores and embeddings, with intervals."""
