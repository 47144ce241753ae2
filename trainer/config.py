"""What the trainer is told: typed, frozen, refused when impossible.

Importing this file stays free of TensorFlow, so that the command line answers at once.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Fit = Literal["pad", "crop"]
Pairs = Literal["given", "all"]
PositiveInt = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Frozen(BaseModel):
    """A section of the config: no unknown keys, no changes, no silent conversions of types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


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


class ConvConfig(Frozen):
    """The reference image tower: one 3x3 convolution, ReLU, 2x2 max pooling, flatten, dense."""

    kind: Literal["conv"]
    filters: PositiveInt = 32


class ConvNetConfig(Frozen):
    """The small strong image tower: strided convolutions with batch normalisation."""

    kind: Literal["convnet"]
    widths: tuple[PositiveInt, ...] = (64, 128)  # channels of each stage; each halves the side
    dropout: Fraction = 0.0


class LstmConfig(Frozen):
    """The reference text tower: an embedding, an LSTM, dense."""

    kind: Literal["lstm"]
    vocabulary_size: PositiveInt = 10_000  # rows of the table; at least text.vocabulary_size
    width: PositiveInt = 128  # of a token embedding
    units: PositiveInt = 64


class BagConfig(Frozen):
    """The small strong text tower: the mean of the token embeddings."""

    kind: Literal["bag"]
    width: PositiveInt = 256
    dropout: Fraction = 0.0  # share of tokens left out while training


ImageTower = Annotated[ConvConfig | ConvNetConfig, Field(discriminator="kind")]
TextTower = Annotated[LstmConfig | BagConfig, Field(discriminator="kind")]


class ModelConfig(Frozen):
    """The two towers and the space they meet in."""

    image_tower: ImageTower = ConvNetConfig(kind="convnet")
    text_tower: TextTower = BagConfig(kind="bag")
    embedding_dim: PositiveInt = 128
    normalize: bool = True  # embeddings of length 1


class PairwiseConfig(Frozen):
    """What the pairwise losses share."""

    pairs: Pairs = "given"  # given: the records' own pairs; all: every image with every text
    sampled_mismatches: Annotated[int, Field(ge=0)] = 0  # per image, from other records


class CosineEmbeddingConfig(PairwiseConfig):
    """Matches towards similarity 1, mismatches below the margin."""

    name: Literal["cosine_embedding"]
    margin: Annotated[float, Field(ge=-1, lt=1)] = -0.1
    positive_weight: Annotated[float, Field(ge=0)] = 1.0  # 0.3 in the classic weighted form
    negative_weight: Annotated[float, Field(ge=0)] = 1.0  # 0.7 in the classic weighted form


class HingeConfig(PairwiseConfig):
    """Matches above the margin, mismatches below minus the margin."""

    name: Literal["hinge"]
    margin: Annotated[float, Field(gt=0)] = 0.2


class InfoNceConfig(Frozen):
    """CLIP's symmetric softmax cross entropy over the batch."""

    name: Literal["info_nce"]
    pairs: Literal["all"] = "all"
    temperature: Annotated[float, Field(gt=0)] = 0.07  # at the start; learned from there


Loss = Annotated[CosineEmbeddingConfig | HingeConfig | InfoNceConfig, Field(discriminator="name")]


class AugmentConfig(Frozen):
    """Random changes of the training images; 0 switches one off."""

    shift: Fraction = 0.1  # of the side, each way
    zoom: Annotated[float, Field(ge=0, lt=1)] = 0.12  # relative change of scale
    stretch: Annotated[float, Field(ge=0, lt=1)] = 0.06  # relative change of aspect ratio
    brightness: Fraction = 0.2  # of full scale
    contrast: Annotated[float, Field(ge=0, lt=1)] = 0.2  # relative
    colour: Fraction = 0.0  # brightness and contrast drawn anew per channel, of full scale


class TrainingConfig(Frozen):
    """How the two networks learn."""

    epochs: PositiveInt = 50
    batch_size: Annotated[int, Field(ge=1)] = 256  # pairs
    learning_rate: Annotated[float, Field(gt=0)] = 2e-3  # peak, after warm-up
    warmup_steps: Annotated[int, Field(ge=0)] = 50
    weight_decay: Annotated[float, Field(ge=0)] = 0.05  # none on biases, norms and the scale
    cache_mb: Annotated[int, Field(ge=0)] = 2048  # decoded images kept in memory up to this size
    shuffle_buffer: PositiveInt = 20_000  # records
    seed: int = 0


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
        if isinstance(self.model.image_tower, ConvNetConfig) and self.image.size % 2:
            raise ValueError(f"image.size = {self.image.size} must be even for convnet")
        if isinstance(self.loss, InfoNceConfig) and not self.model.normalize:
            raise ValueError("loss.name = info_nce needs model.normalize: true")
        return self


def canonical_json(config: Frozen) -> str:
    """One text per config: defaults filled in, keys in the order of the fields."""
    return config.model_dump_json()
