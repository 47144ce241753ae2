"""What the other packages know of TowerConverter."""

from components.nodes import NODES, Node

NODES.add(
    "TowerConverter",
    Node(
        modules=(
            "components.tower_converter.component",
            "trainer.preprocessing.portable.word_pieces",
        ),
        uses_plugins=True,
    ),
)
