"""What the trainer is told: typed, frozen, refused when impossible.

Importing this file stays free of TensorFlow, so that the command line answers at once.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from trainer.loss_config import (
    CustomConfig,
    InfoNceConfig,
    Loss,
    PairwiseConfig,
    SigmoidConfig,
    TripletConfig,
)
from trainer.sections import Frozen, PositiveInt
from trainer.tower_config import (
    BagConfig,
    BlocksConfig,
    ConvNetConfig,
    ImageTower,
    LstmConfig,
    TextTower,
    ViTConfig,
)
from trainer.training_config import AugmentConfig, TrainingConfig

Fit = Literal["pad", "crop"]


class ImageConfig(Frozen):
    """How Transform prepares pixels."""

    size: PositiveInt = 32  # side of the square the image tower sees, pixels
    fit: Fit = "pad"  # pad: whole image on white; crop: centre square
    encoding: Literal["png", "jpeg"] = "png"  # between Transform and Trainer; png is lossless


class TextConfig(Frozen):
    """How Transform prepares captions."""

    vocabulary_size: Annotated[int, Field(ge=16)] = 8000  # word pieces, at most
    max_tokens: PositiveInt = 32  # pieces kept of one caption
    max_captions: PositiveInt = 8  # captions of one image; ingest refuses more


class ModelConfig(Frozen):
    """The two towers and the space they meet in."""

    image_tower: ImageTower = ConvNetConfig(kind="convnet")
    text_tower: TextTower = BagConfig(kind="bag")
    embedding_dim: PositiveInt = 128
    normalize: bool = True  # embeddings of length 1


class TransformConfig(Frozen):
    """Everything `preprocessing_fn` needs; travels to it as canonical JSON."""

    image: ImageConfig = ImageConfig()
    text: TextConfig = TextConfig()


class TrainerConfig(TransformConfig):
    """Everything `run_fn` needs; travels to it as canonical JSON."""

    model: ModelConfig = ModelConfig()
    loss: Loss = InfoNceConfig(name="info_nce")
    augment: AugmentConfig = AugmentConfig()
    training: TrainingConfig = TrainingConfig()

    @model_validator(mode="after")
    def _agree(self) -> Self:
        tower = self.model.text_tower
        if isinstance(tower, LstmConfig) and tower.vocabulary_size < self.text.vocabulary_size:
            raise ValueError(
                f"model.text_tower.vocabulary_size = {tower.vocabulary_size} cannot hold "
                f"text.vocabulary_size = {self.text.vocabulary_size}"
            )
        sampled = self.loss.sampled_mismatches if isinstance(self.loss, PairwiseConfig) else 0
        if self.loss.pairs == "all" and sampled:
            raise ValueError("loss.sampled_mismatches needs loss.pairs: given")
        needed = 2 if self.loss.pairs == "all" else 1 + sampled
        if self.training.batch_size < needed:
            raise ValueError(
                f"training.batch_size = {self.training.batch_size} is too small: this loss needs "
                f"at least {needed} records in a batch to find mismatches"
            )
        image_tower = self.model.image_tower
        for key, each in (("image_tower", image_tower), ("text_tower", tower)):
            if isinstance(each, BlocksConfig) and each.width % each.heads:
                raise ValueError(
                    f"model.{key}.width = {each.width} cannot be shared out among {each.heads} "
                    "heads"
                )
        if isinstance(image_tower, ConvNetConfig) and self.image.size % 2:
            raise ValueError(f"image.size = {self.image.size} must be even for convnet")
        if isinstance(image_tower, ViTConfig) and self.image.size % image_tower.patch:
            raise ValueError(
                f"model.image_tower.patch = {image_tower.patch} does not divide image.size = "
                f"{self.image.size}"
            )
        scaled = isinstance(self.loss, InfoNceConfig | SigmoidConfig | TripletConfig)
        if scaled and not self.model.normalize:
            raise ValueError(f"loss.name = {self.loss.name} needs model.normalize: true")
        if isinstance(self.loss, SigmoidConfig) and self.loss.block and self.loss.pairs != "all":
            raise ValueError("loss.block needs loss.pairs: all")
        if isinstance(self.loss, CustomConfig) and not self.loss.module_is_there:
            raise ValueError(
                f"loss.function = {self.loss.function!r} names no module that can be imported"
            )
        self._check_chunks()
        return self

    def _check_chunks(self) -> None:
        chunk = self.training.chunk_size
        if chunk is None:
            return
        if chunk > self.training.batch_size:
            raise ValueError(
                f"training.chunk_size = {chunk} is more than training.batch_size = "
                f"{self.training.batch_size}"
            )
        if isinstance(self.model.image_tower, ConvNetConfig):
            raise ValueError(
                "training.chunk_size needs an image tower without batch normalisation, which "
                "convnet has: what it gives an image depends on the whole batch"
            )


def canonical_json(config: Frozen) -> str:
    """One text per config: defaults filled in, keys in the order of the fields."""
    return config.model_dump_json()
