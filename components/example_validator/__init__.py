"""Check that the data can be used, and whether it drifted from that of the model that serves."""
