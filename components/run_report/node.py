"""What the other packages know of RunReport."""

from components.nodes import NODES, Node

NODES.add(
    "RunReport",
    Node(
        modules=("components.run_report.component",),
        config=("config",),
        uses_plugins=True,
    ),
)
