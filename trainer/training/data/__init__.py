"""The data of a training run: batches, augmentation, cached features, samples."""
