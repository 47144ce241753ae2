"""What the other packages know of Pusher."""

from components.nodes import NODES, Node

NODES.add(
    "Pusher",
    Node(
        modules=("components.pusher.component",),
        reads_outside=True,
        uses_releases=True,
        config=("config",),
    ),
)
