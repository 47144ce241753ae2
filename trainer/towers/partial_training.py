"""Choose which weights of a tower learn, and at which share of the learning rate.

Batch normalisation of a backbone that does not learn as a whole keeps its mean and variance: those
of a few small batches would be worse than those that come with the weights. The scale and the
offset of a block that learns do learn.
"""

import dataclasses
import fnmatch
from collections.abc import Iterator

import keras

from schema.errors import InputError
from schema.serving_names import IMAGE_TOWER
from trainer.towers import blocks, structure
from trainer.towers.assembly import Parts
from trainer.towers.fine_tuning import LayersConfig, LoraConfig
from trainer.towers.layers import batch_norms
from trainer.towers.registry import IMAGE_TOWERS, TEXT_TOWERS, TowerConfig

# Keras's low-rank adapters are products, which a grouped convolution is not.
ADAPTABLE = (keras.layers.Dense, keras.layers.EinsumDense, keras.layers.Conv2D)


@dataclasses.dataclass(frozen=True)
class Adapter:
    """A low-rank adapter of a kernel: the layer computes with kernel + scale * down @ up.

    Attributes:
        kernel: the weight that stays as it is.
        down: [..., rank].
        up: [rank, columns of the kernel].
        scale: alpha / rank.
    """

    kernel: keras.Variable
    down: keras.Variable
    up: keras.Variable
    scale: float


def freeze(parts: Parts, config: TowerConfig, key: str) -> None:
    """Let only those weights of a tower be trainable that its section lets learn.

    Args:
        parts: of the tower, just built.
        config: its section.
        key: of the section, for messages.

    Raises:
        InputError: it has fewer blocks than are to learn, or no blocks that can be recognised.
    """
    if config.train == "full":
        return
    for layer in batch_norms(parts.backbone):
        layer.trainable = False  # so that it computes with its own statistics
    learning = {id(v) for v, _ in _last_layers(parts, config, key)}
    for variable in parts.backbone.variables:
        variable.trainable = variable.trainable and id(variable) in learning
    for layer in batch_norms(parts.backbone):
        for variable in (layer.gamma, layer.beta):
            if variable is not None:
                variable.trainable = id(variable) in learning


def rates(parts: Parts, tower: keras.Model, config: TowerConfig, key: str) -> dict[int, float]:
    """Return the share of the learning rate of a tower's trainable variables, by their id.

    Args:
        parts: of the tower.
        tower: the whole.
        config: its section.
        key: of the section, for messages.
    """
    part = parts.backbone if config.spares_head else tower
    shares = {id(variable): config.rate for variable in part.trainable_variables}
    for variable, share in _last_layers(parts, config, key):
        shares[id(variable)] = config.rate * share
    return shares


def add_adapters(parts: Parts, config: TowerConfig, key: str) -> None:
    """Add the low-rank adapters of `train: lora`, which change nothing until they learn.

    Args:
        parts: of the tower; its weights are those to start with, since loaders know no adapters.
        config: its section.
        key: of the section, for messages.

    Raises:
        InputError: no layer has a name that is a target.
    """
    if config.train != "lora":
        return
    lora = config.lora or LoraConfig()
    adaptable = list(filter(_is_adaptable, blocks.all_layers(parts.backbone)))
    names = {layer.name for layer in adaptable}
    missing = structure.missing_target(key, config.network, lora, names)
    if missing is not None:
        raise InputError(missing)
    for layer in adaptable:
        if any(fnmatch.fnmatchcase(layer.name, pattern) for pattern in lora.targets):
            layer.enable_lora(lora.rank, lora.alpha)


def adapters(tower: keras.Model) -> Iterator[Adapter]:
    """Yield the adapters of a tower."""
    for layer in blocks.all_layers(tower):
        if isinstance(layer, ADAPTABLE) and layer.lora_enabled:
            scale = layer.lora_alpha / layer.lora_rank
            yield Adapter(layer._kernel, layer.lora_kernel_a, layer.lora_kernel_b, scale)


def _is_adaptable(layer: keras.layers.Layer) -> bool:
    if isinstance(layer, keras.layers.Conv2D):
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            return False
        return layer.kernel_size == (1, 1) and layer.groups == 1
    return isinstance(layer, ADAPTABLE)


def _last_layers(
    parts: Parts, config: TowerConfig, key: str
) -> Iterator[tuple[keras.Variable, float]]:
    """Yield the weights of a backbone that `train: layers` lets learn, with shares of its rate."""
    if config.train != "layers":
        return
    wanted = config.layers or LayersConfig()
    groups = _blocks(parts, config, key)
    too_many = structure.too_many_blocks(key, config.network, wanted, len(groups))
    if too_many is not None:
        raise InputError(too_many)
    count = len(groups) if wanted.last == "all" else wanted.last
    # What stands behind a block learns like it; what stands before the first one is another block.
    shares: dict[int, float] = {}
    depth = {id(v): n for n, block in enumerate(groups) for v in blocks.weights_of(block)}
    block = -1
    for variable in parts.backbone.weights:
        block = depth.get(id(variable), block)
        behind = len(groups) - 1 - block
        if behind < count or wanted.last == "all":
            shares[id(variable)] = wanted.decay**behind
    statistics = {
        id(v) for n in batch_norms(parts.backbone) for v in (n.moving_mean, n.moving_variance)
    }
    for variable in parts.backbone.weights:
        if id(variable) in shares and id(variable) not in statistics:
            yield variable, shares[id(variable)]


def _blocks(parts: Parts, config: TowerConfig, key: str) -> blocks.Blocks:
    of_images = key.endswith(IMAGE_TOWER)
    own = (IMAGE_TOWERS if of_images else TEXT_TOWERS)[config.kind].blocks
    groups = blocks.recognised(parts.backbone) if own is None else own(parts.backbone)
    return blocks.in_order(parts.backbone, groups)
