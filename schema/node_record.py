"""What became of a node of a run."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class NodeRecord:
    """What became of a node.

    Attributes:
        id: of the node.
        outcome: 'ran', 'cached', 'failed' or 'stopped'.
        seconds: that it took, rounded to milliseconds.
        peak_bytes: the most memory that the process and its children had meanwhile; None: unknown.
    """

    id: str
    outcome: str
    seconds: float
    peak_bytes: int | None
