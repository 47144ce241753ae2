"""Token ids and pixels: the same graph in training and in serving."""
