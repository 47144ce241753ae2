"""BERT as a text tower, with the sizes of MiniLM-L6 or those of a folder of weights.

Wang et al., "MiniLM: deep self-attention distillation for task-agnostic compression of pre-trained
transformers" (2020); pooled as in Reimers and Gurevych, "Sentence-BERT" (2019).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from schema.config.section import Dropout, Frozen, PositiveInt
from schema.errors import InputError
from schema.text import text_files
from trainer.towers.fine_tuning import LayersConfig
from trainer.towers.registry import TEXT_TOWERS, ParameterCount, TextSizes, Tower, TowerConfig
from trainer.towers.structure import Structure, too_many_blocks
from trainer.towers.transformer_blocks import ADAPTABLE
from trainer.weights import bert_folder, bert_names, places, state_dicts
from trainer.weights.bert_folder import BertSizes, Pooling
from trainer.weights.source import Kind, parse

if TYPE_CHECKING:
    import keras

TOWER = "model.text_tower"
KEY = f"{TOWER}.weights"
TOKENIZER = "bert"
PREFIX = "bert."  # before all names, where the network was saved with a head
LARGEST_VOCABULARY = 16 << 20  # bytes


class SizesConfig(Frozen):
    """Sizes of a BERT; the defaults are those of MiniLM-L6."""

    layers: Annotated[int, Field(gt=0, le=bert_folder.MOST_LAYERS)] = 6
    """Blocks."""
    width: PositiveInt = 384
    """Components of a token's vector."""
    heads: PositiveInt = 12
    """Attention heads, which divide the width."""
    hidden: PositiveInt = 1536
    """Units between the two layers of a block's second half."""
    positions: PositiveInt = 512
    """Tokens of one text, at most."""
    epsilon: Annotated[float, Field(gt=0, lt=1)] = 1e-12
    """Added to the variance in normalisations."""
    pooling: Pooling = "mean"
    """mean: over the tokens; first: the vector of the first token."""

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"heads = {self.heads} do not divide width = {self.width}")
        return self


class MiniLmConfig(TowerConfig):
    """A BERT: the mean over its tokens. With weights, its sizes are those of the folder."""

    kind: Literal["minilm"]
    """Name of the tower."""
    sizes: SizesConfig | None = None
    """Sizes of a new network, or of a release's; None: those of MiniLM-L6, or of the weights."""
    dropout: Dropout = 0.1
    """Share that is dropped behind the embeddings and each half of a block while training."""

    takes: ClassVar[tuple[Kind, ...]] = (Kind.RELEASE, Kind.PACKAGE, Kind.PATH)
    endings: ClassVar[tuple[str, ...]] = state_dicts.SAFETENSORS
    read_beside: ClassVar[tuple[str, ...]] = bert_folder.BESIDE

    @property
    def same_shapes(self) -> Mapping[str, object]:
        """Heads, pooling and epsilon; nothing where they are those of a folder that is gone."""
        sizes: SizesConfig | BertSizes = self.sizes or SizesConfig()
        if self.brings_weights:
            try:
                sizes = bert_folder.read_sizes(KEY, _place(self)[0])
            except InputError:
                return {}
        return {f"sizes.{name}": getattr(sizes, name) for name in ("heads", "pooling", "epsilon")}

    @property
    def recomputable(self) -> bool:
        """Whether its blocks can be computed again for the gradient: they can."""
        return True

    @property
    def groups_lengths(self) -> bool:
        """Whether short texts are embedded apart from long ones: they are."""
        return True

    @model_validator(mode="after")
    def _sizes_of_one_place(self) -> Self:
        if self.brings_weights and self.sizes is not None:
            raise ValueError("sizes and weights are both given; the folder of weights has its own")
        return self


def _sizes(config: MiniLmConfig, text: TextSizes) -> BertSizes:
    if config.brings_weights:
        folder, _ = _place(config)
        return bert_folder.read_sizes(KEY, folder)
    sizes = config.sizes or SizesConfig()
    return BertSizes(text.vocabulary_size, **sizes.model_dump())


def _place(config: MiniLmConfig) -> tuple[str, str]:
    source = config.source
    assert source is not None
    return bert_folder.find(KEY, source)


def _build(config: MiniLmConfig, text: TextSizes, tokens: keras.KerasTensor) -> keras.KerasTensor:
    from trainer.towers.bert_layers import build_network
    from trainer.towers.layers import Backbone

    network = build_network(_sizes(config, text), config.dropout)
    return Backbone(network)(tokens)


def _load_weights(config: MiniLmConfig, _text: TextSizes, network: keras.Model) -> None:
    from trainer.towers import bert_layers

    folder, file = _place(config)
    sizes = bert_folder.read_sizes(KEY, folder)
    arrays = {_name(name): array for name, array in state_dicts.read(file).items()}
    _compare(config, sizes, {name: array.shape for name, array in arrays.items()})
    bert_layers.assign(network, sizes, arrays)


def _name(name: str) -> str:
    return name.removeprefix(PREFIX)


def _check_weights(config: MiniLmConfig, text: TextSizes) -> None:
    """Check the shapes of all weights, and that the run cuts words as they were trained with."""
    folder, file = _place(config)
    sizes = bert_folder.read_sizes(KEY, folder)
    given = {_name(name): shape for name, shape in state_dicts.shapes_of(file).items()}
    _compare(config, sizes, given)
    if config.train == "layers":
        layers = config.layers or LayersConfig()
        too_many = too_many_blocks(TOWER, config.network, layers, sizes.layers)
        if too_many is not None:
            raise InputError(too_many)
    if sizes.positions < text.max_tokens:
        raise InputError(
            f"text.max_tokens = {text.max_tokens}, but {KEY} = {config.weights} has "
            f"{sizes.positions} places"
        )
    _check_vocabulary(config, text, folder, sizes)


def _check_vocabulary(config: MiniLmConfig, text: TextSizes, folder: str, sizes: BertSizes) -> None:
    theirs = bert_folder.vocabulary_of(folder)
    if theirs is not None and not bert_folder.lower_cases(folder):
        raise InputError(
            f"{KEY} = {config.weights} was trained on words that are not lower-cased, and "
            f"text.tokenizer: {TOKENIZER} lower-cases them; take an uncased network"
        )
    right = f"vocabulary_size: {sizes.vocabulary}"
    if theirs is not None:
        named = config.weights if parse(str(config.weights)).kind is Kind.PACKAGE else theirs
        right = f"tokenizer: {TOKENIZER}, vocabulary: {named}, {right}"
    wrong = None
    if theirs is not None and text.tokenizer != TOKENIZER:
        wrong = f"text.tokenizer = {text.tokenizer}"
    elif theirs is not None and not _same(theirs, text.vocabulary):
        wrong = f"text.vocabulary = {text.vocabulary or 'learned'}"
    elif text.vocabulary_size != sizes.vocabulary:
        wrong = f"text.vocabulary_size = {text.vocabulary_size}"
    if wrong is not None:
        raise InputError(
            f"{wrong}, but {KEY} = {config.weights} was trained with another; set text: {{{right}}}"
        )


def _same(theirs: str, vocabulary: str | None) -> bool:
    if vocabulary is None:
        return False
    if "://" in vocabulary:  # Transform reads it
        return True
    source = parse(vocabulary)
    mine = places.file_of("text.vocabulary", source, (places.VOCABULARY,))
    if Path(mine) == Path(theirs):
        return True
    both = (text_files.read_bytes(path, LARGEST_VOCABULARY).split() for path in (mine, theirs))
    return next(both) == next(both)


def _compare(config: MiniLmConfig, sizes: BertSizes, given: Mapping[str, tuple[int, ...]]) -> None:
    needed = bert_names.shapes(sizes)
    unused = [name for name in given if name.startswith(bert_names.UNUSED)]
    state_dicts.check_shapes(f"{KEY} = {config.weights}", "this BERT", given, needed, unused)


def _count(config: MiniLmConfig, text: TextSizes) -> ParameterCount:
    """Count a network of MiniLM-L6's sizes where the config does not say more."""
    sizes = config.sizes or SizesConfig()
    numbers = bert_names.shapes(BertSizes(text.vocabulary_size, **sizes.model_dump()))
    words = text.vocabulary_size * sizes.width
    total = sum(math.prod(shape) for shape in numbers.values())
    by_key = {"text.vocabulary_size": words, f"{TOWER}.sizes": total - words}
    return ParameterCount(by_key, sizes.width)


def _structure(config: MiniLmConfig) -> Structure:
    known = not config.brings_weights
    return Structure(ADAPTABLE, (config.sizes or SizesConfig()).layers if known else None)


def _check(config: MiniLmConfig, text: TextSizes) -> None:
    positions = (config.sizes or SizesConfig()).positions
    if not config.brings_weights and text.max_tokens > positions:
        raise ValueError(
            f"{TOWER}.sizes.positions = {positions} cannot hold text.max_tokens = {text.max_tokens}"
        )


TEXT_TOWERS.add(
    "minilm",
    Tower(
        config=MiniLmConfig,
        build=_build,
        count=_count,
        check=_check,
        load_weights=_load_weights,
        structure=_structure,
        check_weights=_check_weights,
    ),
)
