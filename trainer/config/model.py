"""What the trainer is told: typed, frozen, refused when impossible.

Importing this file stays free of TensorFlow, so that the command line answers at once.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schema.config.section import LARGEST_INT, Frozen, Name, PositiveInt
from schema.plugins import Extensible
from trainer.config import compatibility, model_size
from trainer.config.loss import (
    InfoNceConfig,
    Loss,
    PairwiseConfig,
    SigmoidConfig,
    TripletConfig,
)
from trainer.config.towers import BagConfig, ConvNetConfig, ImageTower, TextTower
from trainer.config.training import AugmentConfig, TrainingConfig

LEAST_LEARNED = 32  # pieces: 18 are reserved, and some characters shall be known
Fit = Literal["pad", "crop"]


class ImageConfig(Frozen):
    """How Transform prepares pixels."""

    # Side of the square the image tower sees, pixels.
    size: Annotated[int, Field(gt=0, le=4096)] = 32
    fit: Fit = "pad"  # pad: whole image on white; crop: centre square
    encoding: Literal["png", "jpeg"] = "png"  # between Transform and Trainer; png is lossless


class TextConfig(Frozen):
    """How Transform prepares captions."""

    vocabulary: str | None = None  # a file of word pieces, one a line; None: learned from train
    # Word pieces, at most; 32 to learn them.
    vocabulary_size: Annotated[int, Field(ge=16, le=LARGEST_INT)] = 8000
    start_token: Name | None = None  # put before each caption, like [CLS]; of the vocabulary's
    end_token: Name | None = None  # put after it, like [SEP]
    max_tokens: PositiveInt = 32  # pieces kept of one caption, with those around it
    max_captions: PositiveInt = 8  # of one image; data.keep_captions says what becomes of more

    @property
    def around(self) -> tuple[tuple[str, str], ...]:
        """The pieces put around each caption, by their keys."""
        both = {"start_token": self.start_token, "end_token": self.end_token}
        return tuple((key, token) for key, token in both.items() if token is not None)

    @model_validator(mode="after")
    def _pieces_around(self) -> Self:
        for key, _ in self.around:
            if self.vocabulary is None:
                raise ValueError(f"{key} needs vocabulary: a learned one does not hold it")
        if self.max_tokens <= len(self.around):
            raise ValueError(f"max_tokens = {self.max_tokens} leaves no place for a caption")
        if self.vocabulary is None and self.vocabulary_size < LEAST_LEARNED:
            raise ValueError(
                f"vocabulary_size = {self.vocabulary_size} is too small to learn from captions; "
                f"at least {LEAST_LEARNED}, as some pieces are there to spell unknown characters"
            )
        return self


class ModelConfig(Frozen):
    """The two towers and the space they meet in."""

    image_tower: ImageTower = ConvNetConfig(kind="convnet")
    text_tower: TextTower = BagConfig(kind="bag")
    embedding_dim: PositiveInt = 128
    normalize: bool = True  # embeddings of length 1

    @model_validator(mode="after")
    def _room(self) -> Self:
        if self.normalize and self.embedding_dim == 1:
            raise ValueError(
                "embedding_dim = 1 with normalize: true makes each embedding 1 or -1, which ranks "
                "nothing: give at least 2"
            )
        return self


class TransformConfig(Extensible):
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
        compatibility.check(self)
        sampled = self.loss.sampled_mismatches if isinstance(self.loss, PairwiseConfig) else 0
        if self.loss.pairs == "all" and sampled:
            raise ValueError("loss.sampled_mismatches needs loss.pairs: given")
        needed = 2 if self.loss.pairs == "all" else 1 + sampled
        if self.training.batch_size < needed:
            raise ValueError(
                f"training.batch_size = {self.training.batch_size} is too small: this loss needs "
                f"at least {needed} records in a batch to find mismatches"
            )
        scaled = isinstance(self.loss, InfoNceConfig | SigmoidConfig | TripletConfig)
        if scaled and not self.model.normalize:
            raise ValueError(f"loss.name = {self.loss.name} needs model.normalize: true")
        if isinstance(self.loss, SigmoidConfig) and self.loss.block and self.loss.pairs != "all":
            raise ValueError("loss.block needs loss.pairs: all")
        self._check_chunks()
        self._check_xla()
        model_size.check(self)
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
        compatibility.check_chunks(self)

    def _check_xla(self) -> None:
        block = self.loss.block if isinstance(self.loss, SigmoidConfig) else None
        for key, value in (
            ("training.chunk_size", self.training.chunk_size),
            ("loss.block", block),
        ):
            if self.training.xla is True and value is not None:
                raise ValueError(
                    f"training.xla: true does not go with {key} = {value}: XLA compiles no loop "
                    f"over parts whose size is known only when it runs; leave out {key}, or set "
                    "training.xla: false"
                )


def canonical_json(config: Frozen) -> str:
    """One text per config: defaults filled in, keys in the order of the fields."""
    return config.model_dump_json()
