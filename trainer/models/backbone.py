"""Another library's network as one layer of a tower."""

import keras
import tensorflow as tf

NAME = "backbone"  # of the layer in its tower


class Backbone(keras.layers.Layer):
    """A network, held as it is or not.

    Args:
        network: built.
        held: whether its weights stay; then it always computes as it does when it serves, so that
            batch normalisation keeps its statistics and nothing is dropped out.
    """

    def __init__(self, network: keras.Model, held: bool):
        super().__init__(name=NAME)
        self.network, self._held = network, held
        if held:
            network.trainable = False
        self.built = True

    def call(
        self, inputs: tf.Tensor | dict[str, tf.Tensor], training: bool | None = None
    ) -> tf.Tensor:
        """What the network makes of its inputs."""
        return self.network(inputs, training=False if self._held else training)


def batch_norms(tower: keras.Model) -> list[keras.layers.BatchNormalization]:
    """The layers of a tower that normalise over the batch, those of a library's network too."""
    # Keras has no public way into networks within layers.
    layers = tower._flatten_layers(include_self=False)
    return [each for each in layers if isinstance(each, keras.layers.BatchNormalization)]


def has_batch_norm(tower: keras.Model) -> bool:
    """Whether a tower normalises over the batch."""
    return bool(batch_norms(tower))
