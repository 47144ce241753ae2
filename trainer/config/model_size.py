"""How many parameters the networks of a config have, and how much memory a run needs.

Diptych's own towers are counted exactly. Of another library's network only what the config itself
says is known: its usual arguments, and the projection is left out.
"""

from trainer.config.model import TrainerSections
from trainer.towers.fine_tuning import HeadConfig
from trainer.towers.registry import CHANNELS, IMAGE_TOWERS, TEXT_TOWERS

FLOAT = 4  # bytes
# With gradient and Adam's two moments 160 GB of float32 on a device: no device has more.
MOST_PARAMETERS = 10**10
MOST_BATCH_BYTES = 2**40  # of a batch, of all devices together


def check(config: TrainerSections) -> None:
    """Refuse networks and batches that no machine can hold.

    Raises:
        ValueError: names the key, the figure and the limit.
    """
    for key, parts in _counts(config).items():
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


def parameters(config: TrainerSections) -> dict[str, int]:
    """Count the parameters of each tower, statistics of normalisations included."""
    return {key: sum(parts.values()) for key, parts in _counts(config).items()}


def training_bytes(config: TrainerSections, devices: int = 1) -> int:
    """Return the bytes that the networks need while they learn.

    Args:
        config: the trainer's.
        devices: how many devices share the memory. Each holds float32 weights and, of a tower whose
            backbone learns itself, a gradient, two moments and what `training.average` keeps. One
            more copy of the weights is what is judged and served.
    """
    counted = parameters(config)
    kept = 4 + (config.training.average > 0)
    held = sum(
        counted[key] * (kept if tower.train in ("full", "layers") else 1)
        for key, tower in config.model.towers
    )
    return FLOAT * (devices * held + sum(counted.values()))


def batch_bytes(config: TrainerSections) -> dict[str, int]:
    """Return the bytes of a batch of all devices together, by what they hold.

    These are the inputs, pixels as bytes and as floats, and the similarities of all images with
    all texts. Activations are not counted.
    """
    rows, size, text = config.training.batch_size, config.image.size, config.text
    pixels = rows * size**2 * CHANNELS * (1 + FLOAT)
    tokens = rows * text.max_captions * text.max_tokens * 8
    held = {
        f"pixels of image.size = {size}": pixels,
        f"text.max_captions = {text.max_captions} of text.max_tokens = {text.max_tokens}": tokens,
    }
    if config.loss.pairs == "all":
        block = min(config.loss.rows_at_once or rows, rows)
        held["similarities of all pairs"] = rows * block * FLOAT
    return held


def in_bytes(number: int) -> str:
    """Write a number of bytes: '1,100 GB', '2.5 MB', '13 kB'."""
    for unit, name in ((10**9, "GB"), (10**6, "MB")):
        if number >= unit:
            return f"{number / unit:,.{0 if number >= 10 * unit else 1}f} {name}"
    return f"{number / 1000:.0f} kB"


def _counts(config: TrainerSections) -> dict[str, dict[str, int]]:
    """Count the parameters of both towers, by tower and by the key that most decides on them."""
    model, dim = config.model, config.model.embedding_dim
    counts = {
        "image_tower": IMAGE_TOWERS[model.image_tower.kind].count(
            model.image_tower, config.image.size
        ),
        "text_tower": TEXT_TOWERS[model.text_tower.kind].count(model.text_tower, config.text),
    }
    heads = {
        key: _of_head(f"model.{key}", tower.head, counts[key].features, dim)
        for key, tower in model.towers
    }
    return {key: {**count.by_key, **heads[key]} for key, count in counts.items()}


def _of_head(key: str, head: HeadConfig | None, features: int, dim: int) -> dict[str, int]:
    """Count weights and biases of a head behind a number of features."""
    if head is None:
        return {"model.embedding_dim": (features + 1) * dim}
    return {
        f"{key}.head.hidden": (features + 1) * head.hidden,
        "model.embedding_dim": (head.hidden + 1) * dim,
    }
