"""How many parameters a config asks for, and how much memory. Free of TensorFlow.

The towers of Diptych's own are counted exactly. Of another library's network only what the config
itself says is known: its usual arguments, and the projection is left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from schema.config.section import numbers_in
from trainer.config.pretrained import KerasHubConfig
from trainer.config.tower import TowerConfig
from trainer.config.towers import (
    BagConfig,
    BlocksConfig,
    ConvConfig,
    ConvNetConfig,
    LstmConfig,
    TransformerConfig,
    ViTConfig,
)

if TYPE_CHECKING:
    from trainer.config.model import TrainerConfig

FLOAT = 4  # bytes
# With gradient and Adam's two moments 160 GB of float32, on each device: there is none larger.
MOST_PARAMETERS = 10**10
MOST_BATCH_BYTES = 2**40  # of a batch, of all devices together
MOST_ARGUMENT = 10**6  # any number in the arguments of a library's network
CHANNELS = 3
Parts = Iterator[tuple[str, int]]  # the key that decides, parameters


def check(config: "TrainerConfig") -> None:
    """Refuse networks and batches that no machine can hold.

    Raises:
        ValueError: names the key, the figure and the limit.
    """
    for key, tower in _towers(config):
        if isinstance(tower, KerasHubConfig):
            largest = max(numbers_in(tower.arguments), default=0)
            if largest > MOST_ARGUMENT:
                raise ValueError(
                    f"model.{key}.arguments holds the number {largest:.3g}; the limit is "
                    f"{MOST_ARGUMENT:,}"
                )
        parts = dict(parameters_by_key(config, key))
        if sum(parts.values()) > MOST_PARAMETERS:
            largest_part = max(parts, key=parts.__getitem__)
            raise ValueError(
                f"{largest_part}: about {sum(parts.values()):.2g} parameters in model.{key}; the "
                f"limit is {MOST_PARAMETERS:.2g}"
            )
    held = batch_bytes(config)
    if sum(held.values()) > MOST_BATCH_BYTES:
        raise ValueError(
            f"training.batch_size = {config.training.batch_size}: about "
            f"{in_bytes(sum(held.values()))} a batch, most of it {max(held, key=held.__getitem__)}"
            f"; the limit is {in_bytes(MOST_BATCH_BYTES)}"
        )


def parameters(config: "TrainerConfig") -> dict[str, int]:
    """Count the parameters of each tower, statistics of normalisations included."""
    return {
        key: sum(number for _, number in parameters_by_key(config, key))
        for key, _ in _towers(config)
    }


def training_bytes(config: "TrainerConfig", devices: int = 1) -> int:
    """Memory for the networks while they learn.

    Args:
        config: the trainer's.
        devices: that share the memory. Each holds float32 weights and, of a tower that is not
            frozen, a gradient, two moments and what `training.average` keeps. One more copy of the
            weights is what is judged and served.
    """
    counted = parameters(config)
    kept = 4 + (config.training.average > 0)
    each = sum(counted[key] * (1 if tower.frozen else kept) for key, tower in _towers(config))
    return FLOAT * (devices * each + sum(counted.values()))


def batch_bytes(config: "TrainerConfig") -> dict[str, int]:
    """Memory for a batch of all devices together, by what it holds.

    It holds what comes in, pixels as bytes and as floats, and the similarities of all images with
    all texts. Activations are not counted.
    """
    rows, size, text = config.training.batch_size, config.image.size, config.text
    pixels = rows * size**2 * CHANNELS * (1 + FLOAT)
    tokens = rows * text.max_captions * text.max_tokens * 8
    found = {
        f"pixels of image.size = {size}": pixels,
        f"text.max_captions = {text.max_captions} of text.max_tokens = {text.max_tokens}": tokens,
    }
    if config.loss.pairs == "all":
        held = min(config.loss.rows_at_once or rows, rows)
        found["similarities of all pairs"] = rows * held * FLOAT
    return found


def in_bytes(number: int) -> str:
    """'1,100 GB', '2.5 MB', '13 kB'."""
    for unit, name in ((10**9, "GB"), (10**6, "MB")):
        if number >= unit:
            return f"{number / unit:,.{0 if number >= 10 * unit else 1}f} {name}"
    return f"{number / 1000:.0f} kB"


def parameters_by_key(config: "TrainerConfig", key: str) -> Parts:
    """Count the parameters of a tower, each by the key of the config that most decides on it.

    Args:
        config: the trainer's.
        key: 'image_tower' or 'text_tower'.
    """
    tower = dict(_towers(config))[key]
    mine, size = f"model.{key}", config.image.size
    features = 0  # 0: not known, of another library's network
    match tower:
        case ConvConfig(filters=filters):
            yield f"{mine}.filters", (9 * CHANNELS + 1) * filters
            features = ((size - 2) // 2) ** 2 * filters
        case ConvNetConfig(widths=widths):
            yield f"{mine}.widths", _convolutions(4 * CHANNELS, widths)
            side = size // 2
            for _ in widths[1:]:
                side = -(-side // 2)
            features = side**2 * (widths[-1] if widths else 4 * CHANNELS)
        case ViTConfig(width=width, patch=patch):
            yield f"{mine}.patch", CHANNELS * patch**2 * width
            yield "image.size", (size // patch) ** 2 * width
            yield from _blocks(mine, tower)
            features = width
        case LstmConfig(width=width, units=features):
            yield f"{mine}.vocabulary_size", tower.vocabulary_size * width
            yield f"{mine}.units", 4 * features * (width + features + 1)
        case BagConfig(width=features):
            yield "text.vocabulary_size", config.text.vocabulary_size * features
            yield f"{mine}.width", 2 * features
        case TransformerConfig(width=features):
            yield "text.vocabulary_size", config.text.vocabulary_size * features
            yield "text.max_tokens", config.text.max_tokens * features
            yield from _blocks(mine, tower)
        case KerasHubConfig(arguments=arguments):
            yield f"{mine}.arguments", _usual_arguments(arguments)
    yield "model.embedding_dim", (features + 1) * config.model.embedding_dim


def _towers(config: "TrainerConfig") -> tuple[tuple[str, TowerConfig], ...]:
    model = config.model
    return ("image_tower", model.image_tower), ("text_tower", model.text_tower)


def _convolutions(channels: int, widths: Sequence[int]) -> int:
    """3 x 3 without bias, each with a batch normalisation: scale, offset, mean, variance."""
    pairs = zip((channels, *widths), widths, strict=False)
    return sum(9 * before * after + 4 * after for before, after in pairs)


def _blocks(key: str, tower: BlocksConfig) -> Parts:
    """Attention with four products, two halves with a normalisation each, one more at the end."""
    width, hidden = tower.width, tower.mlp_ratio * tower.width
    attention = 4 * width * (width + 1)
    halves = hidden * (width + 1) + width * (hidden + 1)
    yield f"{key}.width", tower.depth * (attention + halves + 4 * width) + 2 * width


def _usual_arguments(arguments: Mapping[str, Any]) -> int:
    """Of a transformer its table and blocks; of a convolutional network its widest layer."""

    def given(*names: str) -> int:
        found = (arguments.get(name) for name in names)
        return next((each for each in found if isinstance(each, int)), 0)

    width = given("hidden_dim", "hidden_size", "embedding_dim")
    hidden = given("intermediate_dim", "mlp_dim") or 4 * width
    layers = given("num_layers", "depth") or 1
    table = given("vocabulary_size", "vocab_size") * width
    filters = (n for name, each in arguments.items() if "filters" in name for n in numbers_in(each))
    return table + layers * width * (4 * width + 2 * hidden) + 9 * int(max(filters, default=0)) ** 2
