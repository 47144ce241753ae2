"""The networks as they will be served, beside those that learn.

What is judged, drawn as curves, scored and exported is this copy alone: averaged weights where the
config asks for them, and statistics of batch normalisation that belong to these weights.
"""

import numpy as np
import tensorflow as tf

from trainer.towers.layers import has_batch_norm
from trainer.training import optimizer
from trainer.training.batch_statistics import BatchStatistics
from trainer.training.monitoring.retrieval_sample import Sample
from trainer.training.step import TrainableDualEncoder


class ServingCopy:
    """A copy of networks that learn; outside of any strategy, and never trained itself.

    Args:
        learning: compiled.
        images: of the train split, uint8 [n, size, size, 3], to measure statistics of batch
            normalisation on; None: the copied ones stay. Those of a frozen tower always do.
    """

    def __init__(self, learning: TrainableDualEncoder, images: np.ndarray | None):
        self.learning, self.model = learning, TrainableDualEncoder(learning.config)
        self._embed = tf.function(self.model.embed_images), tf.function(self.model.embed_texts)
        frozen = learning.config.model.image_tower.frozen
        self._statistics = None
        if images is not None and not frozen and has_batch_norm(self.model.image_tower):
            self._statistics = BatchStatistics(self.model, images)

    def update(self) -> TrainableDualEncoder:
        """Copy what was learned so far.

        Every worker must call this: statistics that devices keep apart are gathered.

        Returns:
            The same networks at each call.
        """
        averages = optimizer.averages(self.learning.optimizer)
        for mine, theirs in zip(self.model.weights, self.learning.weights, strict=True):
            mine.assign(averages.get(id(theirs), theirs).numpy())
        if self._statistics is not None:
            self._statistics.measure()
        return self.model

    def embed(self, sample: Sample) -> tuple[np.ndarray, np.ndarray]:
        """Image and text embeddings of a sample, by what was last copied."""
        return sample.embed(*self._embed)
