"""The training step of a dual encoder: both towers, one joint loss, one gradient tape."""

from collections.abc import Iterator, Mapping
from typing import Any

import keras
import tensorflow as tf

from schema import features
from schema.errors import InputError
from trainer.config.trainer import TrainerConfig, batch_norm_in_chunks
from trainer.losses.positives import all_texts, chosen_texts, match_rows
from trainer.models.dual_encoder import DualEncoder
from trainer.models.joint_loss import JointLoss
from trainer.towers import partial_training
from trainer.towers.assembly import Parts
from trainer.towers.blocks import all_layers
from trainer.towers.layers import SEED_STATE, has_batch_norm
from trainer.towers.registry import TowerConfig
from trainer.towers.transformer_layers import Block
from trainer.training import gradient_cache, length_groups, seeds
from trainer.training.distribution import all_gather

Batch = Mapping[str, tf.Tensor]
EMBEDDED = (features.PIXELS, features.TOKENS, features.CAPTION_IDS)  # what towers get
# The features that decide which image and which text match.
MATCHED_BY = (features.KEY_ID, features.CAPTION_IDS, features.CAPTION_LABELS)


class TrainableDualEncoder(DualEncoder):
    """A dual encoder with its joint loss, for `fit` or for a loop over `train_step`.

    Args:
        config: sizes, towers and loss.

    Raises:
        InputError: a library's network cannot be built, or not trained in chunks, or a loss of the
            user's own cannot be used.
    """

    def __init__(self, config: TrainerConfig):
        super().__init__(config)
        tower = config.model.image_tower
        chunked = config.training.chunk_size is not None and tower.train == "full"
        if chunked and has_batch_norm(self.image_tower):
            raise InputError(batch_norm_in_chunks(tower))
        for key, _, parts, tower in self._towers():
            partial_training.freeze(parts, tower, key)
        for layer in (*all_layers(self.image_tower), *all_layers(self.text_tower)):
            if isinstance(layer, Block):
                layer.recomputes = config.training.gradient_checkpointing
        self.joint_loss = JointLoss(config.loss, config.training.batch_size)
        self._dropout = [state for state in self.variables if state.name == SEED_STATE]
        text = config.model.text_tower
        self._groups_lengths = text.groups_lengths and not text.cached

    def add_adapters(self) -> None:
        """Add the low-rank adapters of `train: lora`, once the weights to start with are loaded.

        Raises:
            InputError: a target of the config does not exist.
        """
        for key, _, parts, tower in self._towers():
            partial_training.add_adapters(parts, tower, key)

    @property
    def changing(self) -> list[tf.Variable]:
        """All that training changes: weights, and what the optimizer keeps."""
        fixed = {id(variable) for variable in self.fixed}
        changing = [v for v in (*self.variables, *self.optimizer.variables) if id(v) not in fixed]
        return [variable.value for variable in changing]

    @property
    def fixed(self) -> list[keras.Variable]:
        """The weights that training does not change: those of backbones that learn in part."""
        return [
            variable
            for _, _, parts, tower in self._towers()
            if tower.train != "full"
            for variable in parts.backbone.weights
            if not variable.trainable
        ]

    @property
    def adapters(self) -> list[partial_training.Adapter]:
        """The low-rank adapters of both towers."""
        return [a for _, network, *_ in self._towers() for a in partial_training.adapters(network)]

    @property
    def rates(self) -> list[float]:
        """The share of the learning rate of each of `trainable_variables`."""
        rates: dict[int, float] = {}
        for key, network, parts, tower in self._towers():
            rates |= partial_training.rates(parts, network, tower, key)
        return [rates.get(id(variable), 1.0) for variable in self.trainable_variables]

    def _towers(self) -> Iterator[tuple[str, keras.Model, Parts, TowerConfig]]:
        """Yield key of the section, network, parts and section of both towers."""
        image, text = self.config.model.image_tower, self.config.model.text_tower
        yield "model.image_tower", self.image_tower, self.image_parts, image
        yield "model.text_tower", self.text_tower, self.text_parts, text

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """None: `fit` reports the loss of the last step."""
        return []

    def train_step(self, batch: dict[str, tf.Tensor], fixed_shapes: bool = False) -> dict[str, Any]:
        """Train both towers and the loss on a batch.

        With several replicas `batch` is this one's part, and the loss is that of all parts
        together: every image meets every text, whichever replica embedded it. Each has computed
        that loss, takes its part of it, and the optimizer adds their gradients up.

        Args:
            batch: as `input_pipeline.training_batches` gives them.
            fixed_shapes: whether no shape may be known only when the step runs, as XLA wants it.

        Returns:
            The loss of the whole batch, the same on every replica.
        """
        chunk = self.config.training.chunk_size
        parts = tf.distribute.get_strategy().num_replicas_in_sync
        if chunk is None:
            with tf.GradientTape() as tape:
                loss = self.loss_of(batch, training=True, fixed_shapes=fixed_shapes)
                part = loss / parts
            gradients = tape.gradient(part, self.trainable_variables)
        else:
            loss, gradients = self._cached_gradients(batch, chunk, parts)
        self.optimizer.apply(gradients, self.trainable_variables)
        return {"loss": loss}

    def loss_of(
        self, batch: dict[str, tf.Tensor], training: bool = False, fixed_shapes: bool = False
    ) -> tf.Tensor:
        """Return the joint loss of a batch, a scalar."""
        self.reseed(0)
        return self._loss(*self._embed_both(batch, training, fixed_shapes), batch)

    def reseed(self, part: tf.Tensor | int) -> None:
        """Let dropout depend on the seed, the step, the replica and the part of the batch alone."""
        context = tf.distribute.get_replica_context()
        replica = context.replica_id_in_sync_group if context is not None else 0
        base = seeds.seed(self.config.training.seed, self._step, seeds.DROPOUT, replica)
        base = tf.random.fold_in(base, tf.cast(part, tf.int64))
        for number, state in enumerate(self._dropout):
            state.assign(tf.cast(tf.random.fold_in(base, number), state.dtype))

    @property
    def _step(self) -> tf.Tensor | int:
        return self.optimizer.iterations.value if self.compiled else 0

    def _embed_both(
        self, batch: Batch, training: bool, fixed_shapes: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Embed images, [n, d], and texts: [n, d], or [n, captions, d] with zeros for padding."""
        images = self.embed_image_inputs(batch[features.PIXELS], training)

        def embed_texts(inputs: tf.Tensor) -> tf.Tensor:
            return self.embed_text_inputs(inputs, training)

        def embed(inputs: tf.Tensor) -> tf.Tensor:
            if self._groups_lengths and not fixed_shapes:
                return length_groups.embed(embed_texts, inputs)
            return embed_texts(inputs)

        if self.config.training.captions == "one":
            return images, embed(batch[features.TOKENS])
        ids = batch[features.CAPTION_IDS]
        texts = all_texts(ids)
        embedded = embed(tf.gather_nd(batch[features.TOKENS], texts))
        # As many for each image, so that chunks and replicas can be put together.
        shape = tf.concat([tf.shape(ids, tf.int64), [self.config.model.embedding_dim]], 0)
        return images, tf.scatter_nd(texts, embedded, shape)

    def _loss(self, images: tf.Tensor, texts: tf.Tensor, batch: Batch) -> tf.Tensor:
        images, texts = all_gather.gather(images, texts)
        keys, ids, labels = all_gather.gather(*(batch[name] for name in MATCHED_BY))
        if self.config.training.captions == "one":
            [chosen] = all_gather.gather(batch[features.CHOSEN])
            present = chosen_texts(chosen)
        else:
            present = all_texts(ids)
            texts = tf.gather_nd(texts, present)
        matches = match_rows(keys, ids, labels, present)
        # The same on every replica: all compute the loss of the whole batch.
        seed = seeds.seed(self.config.training.seed, self._step, seeds.MISMATCH)
        return self.joint_loss(images, texts, matches=matches, seed=seed)

    def _cached_gradients(
        self, batch: Batch, chunk: int, parts: int
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        def embed(records: Batch, number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            self.reseed(number)  # the same in both passes
            return self._embed_both(records, training=True)

        towers = self.image_tower.trainable_variables + self.text_tower.trainable_variables
        others = self.joint_loss.trainable_variables
        part, of_towers, of_others = gradient_cache.loss_and_gradients(
            embed,
            lambda images, texts: self._loss(images, texts, batch) / parts,
            {name: batch[name] for name in EMBEDDED},
            chunk,
            [variable.value for variable in towers],
            [variable.value for variable in others],
        )
        gradients = dict(zip(map(id, towers + others), of_towers + of_others, strict=True))
        return part * parts, [gradients[id(variable)] for variable in self.trainable_variables]
