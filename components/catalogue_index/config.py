"""The `index` section of the config.

Importing this file stays free of TensorFlow and of the index's own library.
"""

from typing import Annotated, Literal

from pydantic import Field

from schema.config.section import Frozen, Name, PositiveInt

# Names of the node's inputs, of its parameter and of what it writes.
MODEL, EXAMPLES, CONFIG, INDEX = "model", "examples", "config", "index"

Kind = Literal["exact", "usearch"]
Expansion = Annotated[int, Field(gt=0, le=65_536)]
EXACT_UP_TO = 1_000_000  # vectors; beyond, `auto` gives up exactness for speed


class UsearchConfig(Frozen):
    """The HNSW graph of usearch; more of anything is slower and finds more."""

    connectivity: Annotated[int, Field(ge=2, le=1024)] = 16
    """Neighbours of a node ("M")."""
    expansion_add: Expansion = 128
    """Nodes considered when one is added ("efConstruction")."""
    expansion_search: Expansion = 128
    """Nodes considered when searching ("ef")."""
    dtype: Literal["f32", "f16", "bf16"] = "f16"
    """Type of the vectors in the graph; answers are scored in float32."""


class IndexConfig(Frozen):
    """Say what is indexed, how, and which share of the exact answers the index must give."""

    split: Name = "eval"
    """The split whose images are the catalogue and whose captions are the queries."""
    kind: Literal["auto"] | Kind = "auto"
    """auto: exact up to a million vectors, usearch beyond."""
    usearch: UsearchConfig = UsearchConfig()
    """The graph of an approximate index."""
    recall_at: PositiveInt = 10
    """Answers to a query that are compared with the exact ones."""
    at_least: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Share of the exact answers that the index must give."""
    max_queries: PositiveInt = 2_000
    """Captions to measure with, a fixed sample."""
    thumbnails: Annotated[int, Field(ge=16, le=256)] | None = 96
    """Pixels of the larger side of the small images that a search page shows. None: there are
    none."""

    def kind_for(self, vectors: int) -> Kind:
        """Choose the kind for a number of vectors."""
        if self.kind != "auto":
            return self.kind
        return "exact" if vectors <= EXACT_UP_TO else "usearch"
