"""What the other packages know of ExampleValidator."""

from components.nodes import NODES, Node

NODES.add("ExampleValidator", Node(modules=("components.example_validator.component",)))
