"""What the other packages know of ServedStatistics."""

from components.nodes import NODES, Node

NODES.add(
    "ServedStatistics",
    Node(
        modules=("components.served_statistics.component",),
        reads_outside=True,
        uses_releases=True,
        driver="components.served_statistics.component.Driver",
        config=("config",),
    ),
)
