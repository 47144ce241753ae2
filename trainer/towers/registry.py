"""The registries of image towers and text towers, and what every tower defines.

A file in `trainer.towers.image` or `trainer.towers.text`, or in a package that `plugins` names in
the config, adds a tower: its section of the config, a builder, and `IMAGE_TOWERS.add` or
`TEXT_TOWERS.add`. Configs are read without TensorFlow, so such a file imports it, and Keras,
inside its functions only.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, Protocol, Self, TypeVar

from pydantic import AfterValidator, Field, model_validator

from schema.config.section import Frozen
from schema.registry import Registry
from schema.text.messages import excerpt, excerpt_of
from trainer.towers.fine_tuning import HeadConfig, LayersConfig, LoraConfig, Train
from trainer.towers.structure import Structure
from trainer.weights.source import Kind, Source, parse

if TYPE_CHECKING:
    import keras

CHANNELS = 3  # of an image


FileKeys = Mapping[str, Callable[[str], Source]]


class TowerConfig(Frozen):
    """The `model.image_tower` or `model.text_tower` section of the config: what all towers have.

    `rate`, and `train: frozen`, are about the whole tower, its head included. Only where a backbone
    brings weights, and they are not those of a release, they leave out the head, which is new.
    """

    kind: str
    """The tower, by the name that it is registered with."""
    train: Train = "full"
    """What learns: all; the head; the head, on features computed once; adapters; some layers."""
    lora: LoraConfig | None = None
    """The adapters of train: lora; None: the defaults."""
    layers: LayersConfig | None = None
    """The blocks that learn by train: layers; None: the defaults."""
    head: HeadConfig | None = None
    """A hidden layer in front of the embedding; None: a single linear layer."""
    rate: Annotated[float, Field(gt=0)] = 1.0
    """Share of training.learning_rate and of the decay that its weights get."""
    weights: str | None = None
    """The weights it starts with: release:FOLDER (a release, or a tower's SavedModel in it) and,
    where the tower reads such files, package:NAME, cache:NAME, a file or a folder."""

    file_keys: ClassVar[FileKeys] = {"weights": parse}
    """The keys that name files, with a function of a value to what it names."""
    takes: ClassVar[tuple[Kind, ...]] = (Kind.RELEASE,)
    """Where its weights can be."""
    endings: ClassVar[tuple[str, ...]] = ()
    """Of the names of files of weights that it reads, from a package, a folder or a file."""
    read_beside: ClassVar[tuple[str, ...]] = ()
    """Files that are read beside a file of weights, by their paths from its folder."""
    other_weights: ClassVar[str] = ""
    """What else brings weights, for messages, such as 'a preset'."""

    @property
    def network(self) -> str:
        """The name of the network, for messages."""
        return self.kind

    @property
    def brings_weights(self) -> bool:
        """Whether its backbone starts with weights from elsewhere than a release."""
        return self.source is not None and self.release is None

    @property
    def source(self) -> Source | None:
        """What `weights` names."""
        return None if self.weights is None else parse(self.weights)

    @property
    def release(self) -> str | None:
        """The folder of the release that it takes its weights from, if it does."""
        source = self.source
        return source.name if source is not None and source.kind is Kind.RELEASE else None

    @property
    def same_shapes(self) -> Mapping[str, object]:
        """What changes the network and not the shapes of its weights, by the name of the key."""
        return {}

    @property
    def batch_norm(self) -> bool:
        """Whether, as far as the config says, its output depends on the rest of the batch."""
        return False

    @property
    def recomputable(self) -> bool:
        """Whether it has blocks that `training.gradient_checkpointing` can compute again."""
        return False

    @property
    def names_classes(self) -> bool:
        """Whether the last features of an image tower are the probabilities of ImageNet's classes.

        Those of `trainer.weights.class_names`, times `CERTAIN` there.
        """
        return False

    @property
    def fixed_length(self) -> bool:
        """Whether a text tower must always get text.max_tokens tokens, however short the texts."""
        return False

    @property
    def groups_lengths(self) -> bool:
        """Whether a training step embeds the short texts of a text tower apart from the long ones.

        That pays where a token costs much more than a call of the network does.
        """
        return False

    @property
    def spares_head(self) -> bool:
        """Whether `rate`, and `train: frozen`, are about the backbone only."""
        return self.brings_weights and self.release is None

    @model_validator(mode="after")
    def _weights_it_reads(self) -> Self:
        source = self.source
        if source is not None and source.kind not in self.takes:
            places = [f"{kind.value}:" for kind in self.takes if kind.value]
            if Kind.PATH in self.takes:
                places.append("a file or folder")
            raise ValueError(
                f"weights = {excerpt_of(str(self.weights))} is nothing that {self.kind} can start "
                f"with; it takes {', '.join(places)}"
            )
        return self

    @property
    def cached(self) -> bool:
        """Whether its features are computed once, before the training."""
        return self.train == "frozen"

    @property
    def backbone_learns(self) -> bool:
        """Whether weights of its backbone, or adapters of them, learn."""
        return self.train not in ("head", "frozen")


class TextSizes(Protocol):
    """What a text tower knows of its texts; the `text` section of the config has it."""

    @property
    def vocabulary_size(self) -> int:
        """Word pieces, at most."""

    @property
    def max_tokens(self) -> int:
        """Tokens of one text, at most."""

    @property
    def tokenizer(self) -> str:
        """The name of the tokenizer."""

    @property
    def vocabulary(self) -> str | None:
        """The vocabulary that the config names; None: it is learned."""


Inputs = TypeVar("Inputs")


@dataclasses.dataclass(frozen=True)
class ParameterCount:
    """How many parameters a tower has in front of its projection.

    Args:
        by_key: parameters by the key of the config that most decides on them, written in full.
        features: components of the vector that the projection gets; 0: not known.
    """

    by_key: Mapping[str, int]
    features: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tower(Generic[Inputs]):
    """A tower that a config can name.

    `Inputs` is the side of the square images in pixels, int, for an image tower, and `TextSizes`
    for a text tower.

    Args:
        config: its section of the config.
        build: (section, inputs, input tensor) to features [n, f]. The input tensor is float32
            [n, size, size, 3] in -1 to 1, or int64 token ids [n, tokens], 0 = padding.
        count: (section, inputs) to the parameters, statistics of normalisations included.
        check: (section, inputs) raises ValueError if it cannot be built, naming the key.
        load_weights: (section, inputs, network of the backbone) gives the network the weights that
            the section names; for a section that `brings_weights`.
        blocks: (backbone) to the layers of each of its blocks, for `train: layers`; None: the
            blocks are recognised, see `trainer.towers.blocks`.
        structure: (section) to what the section says of the backbone's blocks and layers.
        check_weights: (section, inputs) raises InputError if the file of weights that the section
            names does not fit, long before they are loaded. Runs without TensorFlow.
        warnings: (section, inputs) gives sentences about what is allowed and costs quality.
    """

    config: type[TowerConfig]
    build: Callable[[Any, Inputs, keras.KerasTensor], keras.KerasTensor]
    count: Callable[[Any, Inputs], ParameterCount]
    check: Callable[[Any, Inputs], None] | None = None
    load_weights: Callable[[Any, Inputs, keras.Model], None] | None = None
    blocks: Callable[[keras.Model], Sequence[Sequence[keras.layers.Layer]]] | None = None
    structure: Callable[[Any], Structure] | None = None
    check_weights: Callable[[Any, Inputs], None] | None = None
    warnings: Callable[[Any, Inputs], Iterable[str]] | None = None


IMAGE_TOWERS: Registry[Tower[int]] = Registry(
    "image tower", "trainer.towers.image", entry=Tower, section=TowerConfig, key="kind"
)
TEXT_TOWERS: Registry[Tower[TextSizes]] = Registry(
    "text tower", "trainer.towers.text", entry=Tower, section=TowerConfig, key="kind"
)


def one_of(names: Iterable[str], what: str) -> AfterValidator:
    """Accept one of many names; the error of another one lists the nearest.

    Args:
        names: all that are accepted.
        what: what they are, for the error.
    """

    def check(name: str) -> str:
        if name not in names:
            near = ", ".join(difflib.get_close_matches(excerpt(name), names, cutoff=0))
            raise ValueError(f"{excerpt_of(name)} is not a {what}; the nearest are {near}")
        return name

    return AfterValidator(check)
