"""Leave patches of an image out while training, so that a step costs less.

Reference: Li, Fan, Hu, Feichtenhofer and He, "Scaling language-image pre-training via masking"
(2023), FLIP.
"""

import keras
import tensorflow as tf


class PatchDropout(keras.layers.Layer):
    """Keeps random patches of each image in training, and all of them otherwise.

    Args:
        kept: patches that an image keeps, at least 1; as many for each, so that shapes are static.
    """

    def __init__(self, kept: int):
        super().__init__()
        self._kept = kept
        # A state as that of Keras's dropout, which `TrainableDualEncoder.reseed` sets.
        self._seeds = keras.random.SeedGenerator()

    def call(
        self, patches: tf.Tensor, training: bool | None = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Choose patches.

        Args:
            patches: [n, patches, values].
            training: whether to leave any out.

        Returns:
            The patches that are kept, [n, kept, values], and their places, int32 [n, kept].
        """
        if not training:
            number, count = tf.shape(patches)[0], patches.shape[1]
            return patches, tf.tile(tf.range(count)[None], [number, 1])
        noise = keras.random.uniform(tf.shape(patches)[:2], seed=self._seeds)
        noise = tf.ensure_shape(noise, patches.shape[:2])
        places = tf.math.top_k(noise, self._kept).indices
        return tf.gather(patches, places, batch_dims=1), places

    def compute_output_spec(
        self, patches: keras.KerasTensor, **_: object
    ) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        """Return the specs of the outputs when nothing is left out."""
        places = keras.KerasTensor(patches.shape[:2], "int32")
        return keras.KerasTensor(patches.shape, patches.dtype), places
