"""What the other packages know of ServingCheck."""

from components.nodes import NODES, Node

NODES.add(
    "ServingCheck",
    Node(
        modules=(
            "components.serving_check.component",
            "components.serving_check.clients.client_program",
        )
    ),
)
