"""The dual encoder: two towers, one joint loss, one training step."""

from typing import Any

import keras
import tensorflow as tf

from schema import features
from trainer import image_towers, replicas, text_towers
from trainer.config import TrainerConfig
from trainer.joint_loss import JointLoss
from trainer.matches import choose_caption, match_matrix


class DualEncoder(keras.Model):
    """An image tower and a text tower that meet in one embedding space.

    Args:
        config: sizes, towers and loss.
    """

    def __init__(self, config: TrainerConfig):
        super().__init__(name="dual_encoder")
        self.config = config
        dim = config.model.embedding_dim
        self.image_tower = image_towers.build(config.model.image_tower, config.image.size, dim)
        self.text_tower = text_towers.build(
            config.model.text_tower, config.text.vocabulary_size, dim
        )
        self.joint_loss = JointLoss(config.loss)
        self.mean_loss = keras.metrics.Mean(name="loss")  # of the epoch; steps report their own
        self.built = True

    def embed_images(self, pixels: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Embed images.

        Args:
            pixels: uint8 [n, size, size, 3]; or float32 of the same shape in 0 to 255, as
                augmentation leaves them.

        Returns:
            float32 [n, embedding_dim]; of length 1 if the config says so.
        """
        scaled = tf.cast(pixels, tf.float32) / 127.5 - 1.0
        return self._finish(self.image_tower(scaled, training=training))

    def embed_texts(self, tokens: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Embed captions: int64 [n, tokens], 0 = padding, to float32 [n, embedding_dim]."""
        return self._finish(self.text_tower(tokens, training=training))

    def _finish(self, embedding: tf.Tensor) -> tf.Tensor:
        return tf.math.l2_normalize(embedding, -1) if self.config.model.normalize else embedding

    def train_step(self, batch: dict[str, tf.Tensor]) -> dict[str, Any]:
        """One step: both towers forward, one loss, one tape back through both.

        With several workers the optimizer adds their gradients up, and each has computed the loss
        of the whole batch: each takes its part of it.
        """
        parts = tf.distribute.get_strategy().num_replicas_in_sync
        with tf.GradientTape() as tape:
            loss = self.loss_of(batch, training=True)
            part = loss / parts if parts > 1 else loss
        gradients = tape.gradient(part, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        loss = replicas.mean(loss)  # they differ where each worker draws its own mismatches
        self.mean_loss.update_state(loss)
        return {"loss": loss}

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """What Keras resets before an epoch and reports after it."""
        return [self.mean_loss]

    def loss_of(self, batch: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """The joint loss of a batch, one caption drawn for each image; a scalar.

        With several workers `batch` is this one's part, and the loss is that of all parts
        together: every image meets every text, whichever worker embedded it.
        """
        ids, labels = batch[features.CAPTION_IDS], batch[features.CAPTION_LABELS]
        chosen = choose_caption(ids, labels, matches_only=self.config.loss.pairs == "all")
        tokens = tf.gather(batch[features.TOKENS], chosen, batch_dims=1)
        images = self.embed_images(batch[features.PIXELS], training)
        texts = self.embed_texts(tokens, training)
        images, texts = replicas.gather(images, texts)
        matches = match_matrix(*replicas.gather(batch[features.KEY_ID], ids, labels, chosen))
        return self.joint_loss(images, texts, matches)
