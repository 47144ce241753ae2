"""What the other packages know of ImageTextExampleGen."""

from components.nodes import NODES, Node

NODES.add(
    "ImageTextExampleGen",
    Node(
        modules=("components.example_gen.component",),
        reads_outside=True,
        driver="components.example_gen.driver.Driver",
        uses_plugins=True,
    ),
)
