"""What the other packages know of ImportSchema."""

from components.nodes import NODES, Node

NODES.add("ImportSchema", Node(modules=("components.import_schema.component",)))
