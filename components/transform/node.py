"""What the other packages know of Transform."""

from components.nodes import NODES, Node

NODES.add(
    "Transform",
    Node(
        modules=("components.transform.component",),
        named_files="text.",
        uses_plugins=True,
    ),
)
