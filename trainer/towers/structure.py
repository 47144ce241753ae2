"""What is known of a backbone before it is built: its blocks, and which layers take an adapter.

Free of TensorFlow, so that a config is refused before an hour of ingest, and not when its networks
are built.
"""

import dataclasses
import fnmatch
from collections.abc import Collection

from trainer.towers.fine_tuning import LayersConfig, LoraConfig

MOST_NAMES = 20  # of layers, in a message


@dataclasses.dataclass(frozen=True)
class Structure:
    """The parts of a backbone that `train: layers` and `train: lora` name.

    Args:
        adaptable: names of the layers that can have an adapter.
        blocks: how many it has; None: only its weights say so.
    """

    adaptable: frozenset[str]
    blocks: int | None = None


PLAIN = Structure(frozenset(), blocks=0)
"""A backbone without blocks, and without a layer that can have an adapter."""


def too_many_blocks(key: str, network: str, layers: LayersConfig, blocks: int) -> str | None:
    """Explain why more blocks cannot learn than a backbone has; None: they can.

    Args:
        key: of the tower's section.
        network: its name.
        layers: the section `layers`.
        blocks: how many it has.
    """
    if not blocks:
        return (
            f"{key}.train = layers: no blocks are recognised in {network}; train it in another "
            "way: full, head, frozen or lora"
        )
    if layers.last == "all" or layers.last <= blocks:
        return None
    there = "1 block" if blocks == 1 else f"{blocks} blocks"
    return f"{key}.layers.last = {layers.last}, but {network} has {there}"


def missing_target(key: str, network: str, lora: LoraConfig, names: Collection[str]) -> str | None:
    """Name the first target of adapters that is no layer, and the layers that could be one.

    Args:
        key: of the tower's section.
        network: its name.
        lora: the section `lora`.
        names: of the layers that can have an adapter.

    Returns:
        A sentence; None: every target matches a layer.
    """
    for pattern in lora.targets:
        if not fnmatch.filter(names, pattern):
            there = sorted(names)
            more = "" if len(there) <= MOST_NAMES else f", and {len(there) - MOST_NAMES} others"
            listed = f"there are {', '.join(there[:MOST_NAMES])}{more}" if there else "none can"
            return (
                f"{key}.lora.targets: no layer of {network} that can have an adapter is named "
                f"{pattern}; {listed}"
            )
    return None
