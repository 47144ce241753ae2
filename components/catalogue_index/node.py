"""What the other packages know of CatalogueIndexer."""

from components.nodes import NODES, Node

NODES.add(
    "CatalogueIndexer", Node(modules=("components.catalogue_index.component",), uses_plugins=True)
)
