"""Statistics of batch normalisation, measured for the weights that will be served.

While a tower learns, its layers keep a moving average of each batch's mean and variance. It belongs
to the weights of many steps ago where it moves slowly (0.999 in MobileNetV3), and never to averaged
weights. So it is measured anew: the mean over some training images, and the variance around it, of
what comes into each layer, with the weights as they are.

Reference: Wu and Johnson, "Rethinking 'Batch' in BatchNorm" (2021), section 3, PreciseBN.
"""

import numpy as np
import tensorflow as tf

from trainer.towers.layers import batch_norms
from trainer.training.step import TrainableDualEncoder

AT_ONCE = 128  # images


class BatchStatistics:
    """Measures them for one image tower.

    Args:
        model: networks that are not trained: a call in training mode leaves the statistics of its
            own batch alone.
        images: of the train split, as they are served: uint8 [n, size, size, 3].
    """

    def __init__(self, model: TrainableDualEncoder, images: np.ndarray):
        self._model, self._layers = model, batch_norms(model.image_tower)
        self._parts = np.array_split(images, -(-len(images) // AT_ONCE))
        for layer in self._layers:
            layer.momentum = 0.0
        self._embed = tf.function(
            lambda pixels: model.embed_images(pixels, training=True),
            input_signature=[tf.TensorSpec([None, *images.shape[1:]], tf.uint8)],
        )

    def measure(self) -> None:
        """Give each layer the mean and the variance of all images, a batch at a time."""
        shares = [len(part) / sum(map(len, self._parts)) for part in self._parts]
        means = [np.zeros(layer.moving_mean.shape) for layer in self._layers]
        squares = [np.zeros(layer.moving_mean.shape) for layer in self._layers]
        for number, (part, share) in enumerate(zip(self._parts, shares, strict=True)):
            self._model.reseed(number)  # the same at each attempt
            self._embed(tf.constant(part))
            for n, layer in enumerate(self._layers):
                mean = layer.moving_mean.numpy().astype(np.float64)
                means[n] += share * mean
                squares[n] += share * (layer.moving_variance.numpy() + mean**2)
        for layer, mean, square in zip(self._layers, means, squares, strict=True):
            layer.moving_mean.assign(mean)
            layer.moving_variance.assign(square - mean**2)
