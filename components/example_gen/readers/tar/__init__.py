"""The reader of WebDataset shards."""
