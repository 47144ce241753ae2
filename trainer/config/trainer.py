"""The config of the trainer: its sections, checked against each other."""

from typing import Self

from pydantic import model_validator

from trainer.config import fine_tuning, model_size
from trainer.config.model import TrainerSections
from trainer.losses.registry import LOSSES, PairwiseConfig
from trainer.towers import structure
from trainer.towers.fine_tuning import LayersConfig, LoraConfig
from trainer.towers.registry import IMAGE_TOWERS, TEXT_TOWERS, TowerConfig
from trainer.towers.structure import Structure


class TrainerConfig(TrainerSections):
    """Everything `run_fn` needs; it travels there as canonical JSON."""

    @model_validator(mode="after")
    def _sections_go_together(self) -> Self:
        self._check_towers()
        if self.fine_tune is not None:
            fine_tuning.check(self.model.image_tower, self.model.text_tower)
        self._check_loss()
        self._check_captions()
        self._check_chunks()
        self._check_xla()
        self._check_checkpointing()
        self._check_start()
        model_size.check(self)
        return self

    def warnings(self) -> list[str]:
        """Collect what is allowed and yet will not learn: sentences that name the key."""
        found: list[str] = []
        of_images = IMAGE_TOWERS[self.model.image_tower.kind].warnings
        if of_images is not None:
            found += of_images(self.model.image_tower, self.image.size)
        of_texts = TEXT_TOWERS[self.model.text_tower.kind].warnings
        if of_texts is not None:
            found += of_texts(self.model.text_tower, self.text)
        of_loss = LOSSES[self.loss.name].warnings
        if of_loss is not None:
            found += of_loss(self.loss, self.training.batch_size)
        return found

    def check_weights(self) -> None:
        """Check that the files of weights fit the towers, as far as they tell without TensorFlow.

        Raises:
            InputError: one does not.
        """
        of_images = IMAGE_TOWERS[self.model.image_tower.kind].check_weights
        if of_images is not None and self.model.image_tower.brings_weights:
            of_images(self.model.image_tower, self.image.size)
        of_texts = TEXT_TOWERS[self.model.text_tower.kind].check_weights
        if of_texts is not None and self.model.text_tower.brings_weights:
            of_texts(self.model.text_tower, self.text)

    def _check_towers(self) -> None:
        for key, tower in self.model.towers:
            _check_training(f"model.{key}", tower)
        image_tower = IMAGE_TOWERS[self.model.image_tower.kind]
        if image_tower.check is not None:
            image_tower.check(self.model.image_tower, self.image.size)
        if image_tower.structure is not None:
            image = self.model.image_tower
            _check_parts("model.image_tower", image, image_tower.structure(image))
        text_tower = TEXT_TOWERS[self.model.text_tower.kind]
        if text_tower.check is not None:
            text_tower.check(self.model.text_tower, self.text)
        if text_tower.structure is not None:
            text = self.model.text_tower
            _check_parts("model.text_tower", text, text_tower.structure(text))

    def _check_loss(self) -> None:
        name, batch_size = self.loss.name, self.training.batch_size
        entry = LOSSES[name]
        frozen = all(tower.cached and not tower.spares_head for _, tower in self.model.towers)
        if frozen and entry.initial_temperature is None and entry.initial_bias is None:
            raise ValueError(
                "model.image_tower.train = frozen and model.text_tower.train = frozen leave "
                f"nothing to learn: loss.name = {name} learns nothing by itself"
            )
        sampled = self.loss.sampled_mismatches if isinstance(self.loss, PairwiseConfig) else 0
        if self.loss.pairs == "all" and sampled:
            raise ValueError("loss.sampled_mismatches needs loss.pairs: given")
        needed = 2 if self.loss.pairs == "all" else 1 + sampled
        if batch_size < needed:
            raise ValueError(
                f"training.batch_size = {batch_size} is too small: this loss needs at least "
                f"{needed} records in a batch to find mismatches"
            )
        if entry.needs_unit_length and not self.model.normalize:
            raise ValueError(f"loss.name = {name} needs model.normalize: true")

    def _check_captions(self) -> None:
        if self.training.captions == "all" and self.loss.pairs != "all":
            raise ValueError(
                f"training.captions: all needs loss.pairs: all, and loss.name = {self.loss.name} "
                f"has pairs: {self.loss.pairs}: a record's own pair is one image with one caption; "
                "set loss.pairs: all, or training.captions: one"
            )

    def _check_chunks(self) -> None:
        chunk, tower = self.training.chunk_size, self.model.image_tower
        if chunk is None:
            return
        if chunk > self.training.batch_size:
            raise ValueError(
                f"training.chunk_size = {chunk} is more than training.batch_size = "
                f"{self.training.batch_size}"
            )
        if tower.batch_norm and tower.train == "full":
            raise ValueError(batch_norm_in_chunks(tower))

    def _check_xla(self) -> None:
        for key, value in (
            ("training.chunk_size", self.training.chunk_size),
            ("loss.block", self.loss.rows_at_once),
        ):
            if self.training.xla is True and value is not None:
                raise ValueError(
                    f"training.xla: true does not go with {key} = {value}: XLA compiles no loop "
                    f"over parts whose size is known only when it runs; leave out {key}, or set "
                    "training.xla: false"
                )
        if self.training.xla is True and self.training.captions == "all":
            raise ValueError(
                "training.xla: true does not go with training.captions: all: XLA compiles no step "
                "whose number of texts is known only when it runs; leave out one of the two"
            )

    def _check_checkpointing(self) -> None:
        if self.training.gradient_checkpointing and not any(
            tower.recomputable for _, tower in self.model.towers
        ):
            kinds = " and ".join(tower.kind for _, tower in self.model.towers)
            raise ValueError(
                "training.gradient_checkpointing computes transformer blocks again, and the towers "
                f"({kinds}) have none: leave it out, or bound the memory by training.chunk_size"
            )

    def _check_start(self) -> None:
        if self.training.start == "random":
            return
        for key, tower in self.model.towers:
            if not tower.cached or not tower.spares_head or tower.head is not None:
                raise ValueError(
                    f"training.start = {self.training.start} needs model.{key}.train: frozen with "
                    "weights that are not those of a release, and no "
                    f"model.{key}.head: it is about a new head of one layer on features that stay"
                )
        if self.model.image_tower.names_classes and self.text.vocabulary is None:
            raise ValueError(
                f"training.start = {self.training.start} with model.image_tower.classes needs "
                "text.vocabulary: the names of the classes are texts, too"
            )


def batch_norm_in_chunks(tower: TowerConfig) -> str:
    """Explain why the training of an image tower with batch normalisation cannot be chunked."""
    return (
        "training.chunk_size needs an image tower without batch normalisation, which "
        f"{tower.network} has: what it gives an image depends on the whole batch"
    )


def _check_training(key: str, tower: TowerConfig) -> None:
    train = f"{key}.train = {tower.train}"
    if tower.train != "full" and tower.release is None and not tower.brings_weights:
        other = f" or {tower.other_weights}" if tower.other_weights else ""
        raise ValueError(f"{train} needs weights: give weights{other}")
    if not tower.backbone_learns and tower.rate != 1:
        raise ValueError(
            f"{key}.rate = {tower.rate} and {train} contradict each other: the backbone does not "
            "learn; leave out one"
        )
    for section in ("lora", "layers"):
        if getattr(tower, section) is not None and tower.train != section:
            raise ValueError(f"{key}.{section} needs {key}.train: {section}; it is {tower.train}")


def _check_parts(key: str, tower: TowerConfig, parts: Structure) -> None:
    """Refuse blocks and targets of adapters that a backbone does not have."""
    fault = None
    if tower.train == "layers" and parts.blocks is not None:
        layers = tower.layers or LayersConfig()
        fault = structure.too_many_blocks(key, tower.network, layers, parts.blocks)
    elif tower.train == "lora":
        lora = tower.lora or LoraConfig()
        fault = structure.missing_target(key, tower.network, lora, parts.adaptable)
    if fault is not None:
        raise ValueError(fault)
