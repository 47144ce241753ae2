"""The dual encoder: two towers, one joint loss, one training step."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from schema import features
from schema.errors import InputError
from trainer.config import compatibility
from trainer.config.model import TrainerConfig
from trainer.losses.positives import match_rows
from trainer.models import image_towers, precision, text_towers
from trainer.models.backbone import NAME, has_batch_norm
from trainer.models.joint_loss import JointLoss
from trainer.training import gradient_cache, seeds
from trainer.training.distribution import all_gather

Batch = Mapping[str, tf.Tensor]
SEED_STATE = "seed_generator_state"  # Keras's name of what a dropout layer draws by
MATCHED_BY = (  # what tells which image and which text match
    features.KEY_ID,
    features.CAPTION_IDS,
    features.CAPTION_LABELS,
    features.CHOSEN,
)


class DualEncoder(keras.Model):
    """An image tower and a text tower that meet in one embedding space; all weights are new.

    Args:
        config: sizes, towers and loss.

    Raises:
        InputError: a library's network cannot be built, or not trained in chunks.
    """

    def __init__(self, config: TrainerConfig):
        super().__init__(name="dual_encoder")
        self.config = config
        dim = config.model.embedding_dim
        with precision.policy(config.training.precision):
            self.image_tower = image_towers.build(config.model.image_tower, config.image.size, dim)
            self.text_tower = text_towers.build(config.model.text_tower, config.text, dim)
        tower = config.model.image_tower
        chunked = config.training.chunk_size is not None and not tower.frozen
        if chunked and has_batch_norm(self.image_tower):
            raise InputError(compatibility.no_chunks(getattr(tower, "preset", tower.kind)))
        self.joint_loss = JointLoss(config.loss, config.training.batch_size)
        self._dropout = [each for each in self.variables if each.name == SEED_STATE]
        self.built = True

    @property
    def changing(self) -> list[tf.Variable]:
        """All that training changes: weights, and what the optimizer keeps."""
        return [variable.value for variable in (*self.variables, *self.optimizer.variables)]

    @property
    def rates(self) -> list[float]:
        """The share of the learning rate of each of `trainable_variables`."""
        found: dict[int, float] = {}
        towers = self.config.model
        for tower, told in (
            (self.image_tower, towers.image_tower),
            (self.text_tower, towers.text_tower),
        ):
            part = tower.get_layer(NAME) if told.spares_projection else tower
            found |= {id(each): told.rate for each in part.trainable_variables}
        return [found.get(id(each), 1.0) for each in self.trainable_variables]

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """None: `fit`, for who wants it, reports the loss of the last step."""
        return []

    def embed_images(self, pixels: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Embed images.

        Args:
            pixels: uint8 [n, size, size, 3]; or floats of the same shape in 0 to 255, as
                augmentation leaves them.

        Returns:
            float32 [n, embedding_dim]; of length 1 if the config says so.
        """
        scaled = tf.cast(pixels, tf.float32) / 127.5 - 1.0
        return self._finish(_called(self.image_tower, scaled, training))

    def embed_texts(self, tokens: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Embed captions: int64 [n, tokens], 0 = padding, to float32 [n, embedding_dim]."""
        return self._finish(_called(self.text_tower, tokens, training))

    def _finish(self, embedding: tf.Tensor) -> tf.Tensor:
        embedding = tf.cast(embedding, tf.float32)
        return tf.math.l2_normalize(embedding, -1) if self.config.model.normalize else embedding

    def train_step(self, batch: dict[str, tf.Tensor]) -> dict[str, Any]:
        """One step: both towers forward, one loss, one tape back through both.

        With several replicas `batch` is this one's part, and the loss is that of all parts
        together: every image meets every text, whichever replica embedded it. Each has computed
        that loss, takes its part of it, and the optimizer adds their gradients up.

        Args:
            batch: as `data.training_batches` gives them.

        Returns:
            The loss of the whole batch, the same on every replica.
        """
        chunk = self.config.training.chunk_size
        parts = tf.distribute.get_strategy().num_replicas_in_sync
        if chunk is None:
            with tf.GradientTape() as tape:
                loss = self.loss_of(batch, training=True)
                part = loss / parts
            gradients = tape.gradient(part, self.trainable_variables)
        else:
            loss, gradients = self._cached_gradients(batch, chunk, parts)
        self.optimizer.apply(gradients, self.trainable_variables)
        return {"loss": loss}

    @property
    def _step(self) -> tf.Tensor | int:
        return self.optimizer.iterations.value if self.compiled else 0

    def loss_of(self, batch: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """The joint loss of a batch; a scalar."""
        self.reseed(0)
        return self._loss(*self._embed(batch, training), batch)

    def _embed(self, batch: Batch, training: bool) -> tuple[tf.Tensor, tf.Tensor]:
        images = self.embed_images(batch[features.PIXELS], training)
        return images, self.embed_texts(batch[features.TOKENS], training)

    def _loss(self, images: tf.Tensor, texts: tf.Tensor, batch: Batch) -> tf.Tensor:
        images, texts = all_gather.gather(images, texts)
        matches = match_rows(*all_gather.gather(*(batch[name] for name in MATCHED_BY)))
        # The same on every replica: all compute the loss of the whole batch.
        seed = seeds.seed(self.config.training.seed, self._step, seeds.MISMATCH)
        return self.joint_loss(images, texts, matches=matches, seed=seed)

    def _cached_gradients(
        self, batch: Batch, chunk: int, parts: int
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        def embed(records: Batch, number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            self.reseed(number)  # the same in both passes
            return self._embed(records, training=True)

        towers = self.image_tower.trainable_variables + self.text_tower.trainable_variables
        others = self.joint_loss.trainable_variables
        part, of_towers, of_others = gradient_cache.loss_and_gradients(
            embed,
            lambda images, texts: self._loss(images, texts, batch) / parts,
            {name: batch[name] for name in (features.PIXELS, features.TOKENS)},
            chunk,
            [variable.value for variable in towers],
            [variable.value for variable in others],
        )
        found = dict(zip(map(id, towers + others), of_towers + of_others, strict=True))
        return part * parts, [found[id(variable)] for variable in self.trainable_variables]

    def reseed(self, part: tf.Tensor | int) -> None:
        """Let dropout depend on the seed, the step, the replica and the part of the batch alone."""
        context = tf.distribute.get_replica_context()
        replica = context.replica_id_in_sync_group if context is not None else 0
        base = seeds.seed(self.config.training.seed, self._step, seeds.DROPOUT, replica)
        base = tf.random.fold_in(base, tf.cast(part, tf.int64))
        for number, state in enumerate(self._dropout):
            state.assign(tf.cast(tf.random.fold_in(base, number), state.dtype))


def _called(tower: keras.Model, inputs: tf.Tensor, training: bool) -> tf.Tensor:
    """What a tower makes of its inputs; a frozen one always computes as it does when it serves."""
    return tower(inputs, training=training and tower.trainable)
