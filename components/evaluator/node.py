"""What the other packages know of Evaluator."""

from components.nodes import NODES, Node

NODES.add(
    "Evaluator",
    Node(
        modules=(
            "components.evaluator.component",
            "components.evaluator.executor",
            "components.evaluator.tfma.extractor",
        ),
        uses_plugins=True,
    ),
)
