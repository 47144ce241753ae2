"""The table of TFX nodes: what the other packages know of each, without importing TFX."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from schema.registry import Registry


@dataclasses.dataclass(frozen=True)
class Node:
    """A node of the pipeline, under its id in `NODES`.

    Code digests, the checks for Kubeflow, its run parameters and caches derive from these values.
    """

    modules: tuple[str, ...]
    """Modules of ours that its process starts from: executor, driver, and functions or programs
    that are called by name. The cache sees a change of any file that they import."""
    reads_outside: bool = False
    """Whether it reads what is no input of it, such as a folder of data or the releases. Its driver
    looks there before a run on this machine; Kubeflow's cache cannot, so it is never asked."""
    uses_releases: bool = False
    """Whether it opens the releases and MLflow."""
    driver: str | None = None
    """Path of its driver's class, whose work is done on Kubeflow, too, where TFX runs no driver."""
    config: tuple[str, ...] = ()
    """Keys that lead to JSON in its execution properties: to the sections of the config that it
    reads. Run parameters are put there."""
    named_files: str | None = None
    """Beginning of the keys of the config whose files it reads; empty: all; None: it reads none."""
    uses_plugins: bool = False
    """Whether it loads the plugins."""
    build: Callable[[Any, Mapping[str, Any]], Any] | None = None
    """For a node of a plugin: makes the TFX component, which goes behind ours, from the RunConfig
    and our nodes by their ids. It imports TFX itself, as its file must not."""


NODES: Registry[Node] = Registry("node", "components", "node", entry=Node)
"""Every node by its id: TFX's own from this file, ours from `components/*/node.py`."""

IN_CUSTOM_CONFIG = ("custom_config", "config")

NODES.add("StatisticsGen", Node(modules=("components.tfx_nodes",)))
NODES.add(
    "Tuner",
    Node(
        modules=("components.tfx_nodes", "trainer.tuning.run"),
        config=IN_CUSTOM_CONFIG,
        named_files="",
        uses_plugins=True,
    ),
)
NODES.add(
    "Trainer",
    Node(
        modules=("components.tfx_nodes", "trainer.run"),
        config=IN_CUSTOM_CONFIG,
        named_files="",
        uses_plugins=True,
    ),
)
