"""A copy of the networks with the weights that will be served, beside the ones that learn.

Only this copy is evaluated, scored and exported. It holds averaged weights where the config asks
for them, and batch normalisation statistics that were measured with these weights. Low-rank
adapters are merged into the weights, so that it is a plain network.

While a tower learns, its batch normalisation layers keep a moving average of each batch's mean and
variance. Where the average moves slowly (0.999 in MobileNetV3) it belongs to the weights of many
steps ago, and it never belongs to averaged weights. So it is measured anew on training images.

Reference: Wu and Johnson, "Rethinking 'Batch' in BatchNorm" (2021), section 3, PreciseBN.
"""

import keras
import numpy as np
import tensorflow as tf

from trainer.towers.layers import batch_norms, has_batch_norm
from trainer.training import optimizer
from trainer.training.step import TrainableDualEncoder

IMAGES_PER_BATCH = 128


class ServingCopy:
    """A copy of networks that learn; outside of any strategy, and never trained itself.

    Args:
        learning: the compiled networks that learn.
        images: of the train split, uint8 [n, size, size, 3], to measure batch normalisation
            statistics on; None: the learned statistics are copied. Those of a backbone that learns
            in part always are.

    Attributes:
        embed_images: embeds what a training step gets of images, as `embed_image_inputs`.
        embed_texts: the same of texts.
    """

    def __init__(self, learning: TrainableDualEncoder, images: np.ndarray | None):
        self.learning, self.model = learning, TrainableDualEncoder(learning.config)
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
        averages = optimizer.averages(self.learning.optimizer)

        def value(learned: keras.Variable) -> np.ndarray:
            return averages.get(id(learned), learned).numpy()

        adapters = {id(a.kernel): a for a in self.learning.adapters}
        thin = {id(matrix) for a in adapters.values() for matrix in (a.down, a.up)}
        plain = [weight for weight in self.learning.weights if id(weight) not in thin]
        fixed = {id(v) for v in self.learning.fixed} if self._are_fixed_copied else set()
        for copied, learned in zip(self.model.weights, plain, strict=True):
            adapter = adapters.get(id(learned))
            if adapter is not None:
                product = np.matmul(value(adapter.down), value(adapter.up))
                copied.assign(value(learned) + adapter.scale * product)
            elif id(learned) not in fixed:
                copied.assign(value(learned))
        self._are_fixed_copied = True
        if self._statistics is not None:
            self._statistics.measure()
        return self.model


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
