"""What the other packages know of Baseline."""

from components.nodes import NODES, Node

NODES.add(
    "Baseline",
    Node(
        modules=("components.baseline.component",),
        reads_outside=True,
        uses_releases=True,
        driver="components.baseline.component.Driver",
        config=("config",),
    ),
)
