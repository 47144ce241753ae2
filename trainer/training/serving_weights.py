"""A copy of the networks with the weights that will be served, beside the ones that learn.

Only this copy is evaluated, scored and exported. It holds averaged weights where the config asks
for them, and batch normalisation statistics that were measured with these weights. Low-rank
adapters are merged into the weights, so that it is a plain network.

While a tower learns, its batch normalisation layers keep a moving average of each batch's mean and
variance. Where the average moves slowly (0.999 in MobileNetV3) it belongs to the weights of many
steps ago, and it never belongs to averaged weights. So it is measured anew on training images.

Reference: Wu and Johnson, "Rethinking 'Batch' in BatchNorm" (2021), section 3, PreciseBN.
"""

import functools
from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf

from trainer.config.trainer import TrainerConfig
from trainer.towers.layers import batch_norms, has_batch_norm
from trainer.training.optimization import optimizer
from trainer.training.step import TrainableDualEncoder

IMAGES_PER_BATCH = 128


class ServingCopy:
    """A copy of networks that learn; outside of any strategy, and never trained itself.

    Args:
        learning: the compiled networks that learn.
        images: of the train split, uint8 [n, size, size, 3], to measure batch normalisation
            statistics on; None: the learned statistics are copied. Those of a backbone that learns
            in part always are.
        config: of the copy, which may compute in another type; None: that of the networks.

    Attributes:
        embed_images: embeds what a training step gets of images, as `embed_image_inputs`.
        embed_texts: the same of texts.
    """

    def __init__(
        self,
        learning: TrainableDualEncoder,
        images: np.ndarray | None,
        config: TrainerConfig | None = None,
    ):
        self.learning, self.model = learning, TrainableDualEncoder(config or learning.config)
        self.embed_images = tf.function(self.model.embed_image_inputs)
        self.embed_texts = tf.function(self.model.embed_text_inputs)
        learns = learning.config.model.image_tower.train == "full"
        self._statistics, self._are_fixed_copied = None, False
        if images is not None and learns and has_batch_norm(self.model.image_tower):
            self._statistics = BatchStatistics(self.model, images)

    def update(self) -> TrainableDualEncoder:
        """Copy the current weights.

        Every worker must call this: it aggregates statistics that differ by device.

        Returns:
            The copy, the same object at each call.
        """
        fixed = {id(v) for v in self.learning.fixed} if self._are_fixed_copied else set()
        fixed -= {id(adapter.kernel) for adapter in self.learning.adapters}
        for copied, (learned, value) in zip(self.model.weights, self._values(), strict=True):
            if id(learned) not in fixed:
                copied.assign(value())
        self._are_fixed_copied = True
        if self._statistics is not None:
            self._statistics.measure()
        return self.model

    def current(self, averaged: bool = True) -> list[np.ndarray]:
        """Return what `update` copies, in the order of the copy's weights.

        Every worker must call this, as `update`.

        Args:
            averaged: take the averages of weights where there are some.
        """
        return [value() for _, value in self._values(averaged)]

    def _values(
        self, averaged: bool = True
    ) -> Iterator[tuple[keras.Variable, Callable[[], np.ndarray]]]:
        """Yield each weight that the copy has, too, with a function of its value to serve."""
        averages = optimizer.averages(self.learning.optimizer) if averaged else {}

        def plain(learned: keras.Variable) -> np.ndarray:
            return averages.get(id(learned), learned).numpy()

        def merged(learned: keras.Variable) -> np.ndarray:
            adapter = adapters[id(learned)]
            return plain(learned) + adapter.scale * np.matmul(
                plain(adapter.down), plain(adapter.up)
            )

        adapters = {id(a.kernel): a for a in self.learning.adapters}
        thin = {id(matrix) for a in adapters.values() for matrix in (a.down, a.up)}
        for learned in self.learning.weights:
            if id(learned) not in thin:
                value = merged if id(learned) in adapters else plain
                yield learned, functools.partial(value, learned)

    def set_mix(
        self, before: Sequence[np.ndarray], after: Sequence[np.ndarray], ratio: float
    ) -> None:
        """Set the copy to (1 - ratio) * before + ratio * after.

        Batch normalisation statistics belong to the weights: those of a mix are measured, and those
        before stay as they are, so that ratio 0 is what the run started from.

        Args:
            before: weights, in the order of the copy's.
            after: likewise, as `current` returns them.
            ratio: from 0 to 1.
        """
        for copied, old, new in zip(self.model.weights, before, after, strict=True):
            is_float = np.issubdtype(old.dtype, np.floating)
            copied.assign(old + ratio * (new - old) if is_float and ratio < 1 else new)
        if self._statistics is not None and ratio > 0:
            self._statistics.measure()


class BatchStatistics:
    """Measures the batch normalisation statistics of an image tower.

    Args:
        model: networks that are never trained, since their layers lose their momentum here.
        images: as they are served, uint8 [n, size, size, 3].
    """

    def __init__(self, model: TrainableDualEncoder, images: np.ndarray):
        self._model, self._layers = model, batch_norms(model.image_tower)
        self._batches = np.array_split(images, -(-len(images) // IMAGES_PER_BATCH))
        for layer in self._layers:
            layer.momentum = 0.0  # a call in training mode leaves its own batch's statistics
        self._embed = tf.function(
            lambda pixels: model.embed_images(pixels, training=True),
            input_signature=[tf.TensorSpec([None, *images.shape[1:]], tf.uint8)],
        )

    def measure(self) -> None:
        """Set each layer's mean and variance to those of its inputs over all images."""
        total = sum(map(len, self._batches))
        means = [np.zeros(layer.moving_mean.shape) for layer in self._layers]
        squares = [np.zeros(layer.moving_mean.shape) for layer in self._layers]
        for number, batch in enumerate(self._batches):
            self._model.reseed(number)  # the same dropout at each attempt
            self._embed(tf.constant(batch))
            share = len(batch) / total
            for n, layer in enumerate(self._layers):
                mean = layer.moving_mean.numpy().astype(np.float64)
                means[n] += share * mean
                squares[n] += share * (layer.moving_variance.numpy() + mean**2)
        for layer, mean, square in zip(self._layers, means, squares, strict=True):
            layer.moving_mean.assign(mean)
            layer.moving_variance.assign(square - mean**2)
