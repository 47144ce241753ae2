"""What a run on two thousand emoji reported, for displays: nodes, seconds, progress."""

from collections.abc import Callable, Iterator
from typing import Any

from pipeline.node_recorder import SET_UP
from schema.node_record import NodeRecord

NODES = (
    "ImageTextExampleGen", "ImportSchema", "StatisticsGen", "ServedStatistics", "ExampleValidator",
    "Transform", "Trainer", "Baseline", "CatalogueIndexer", "TowerConverter", "Evaluator",
    "ServingCheck", "Pusher",
)  # fmt: skip
SECONDS = {
    SET_UP: 6.8, "ImageTextExampleGen": 21.4, "ImportSchema": 0.1, "StatisticsGen": 4.3,
    "ServedStatistics": 0.1, "ExampleValidator": 0.2, "Transform": 23.4, "Trainer": 191.0,
    "Baseline": 0.1, "CatalogueIndexer": 4.4, "TowerConverter": 9.0, "Evaluator": 12.6,
    "ServingCheck": 15.0, "Pusher": 1.2,
}  # fmt: skip
CACHED = ("ImportSchema", "StatisticsGen", "ServedStatistics")
PROGRESS: dict[str, list[dict[str, Any]]] = {
    "ImageTextExampleGen": [{"records": 6952}, {"records": 9632, "quarantined": 3}],
    "Trainer": [
        {"step": 187, "steps": 1512, "records": 47872, "loss": 1.3528, "pairs_per_second": 2266,
         "seconds_left": 150},
        {"step": 769, "steps": 1512, "records": 196864, "loss": 0.63,
         "held_out_recall_at_10": 0.7812, "pairs_per_second": 2307, "seconds_left": 82},
        {"step": 1512, "steps": 1512, "records": 387072, "loss": 0.5127,
         "held_out_recall_at_10": 0.8906, "pairs_per_second": 2149, "seconds_left": 0},
    ],
    "CatalogueIndexer": [{"records": 1528}],
    "Evaluator": [{"records": 1015}, {"records": 1528}],
}  # fmt: skip
PEAK_BYTES = 1_640_000_000
OVERFITTING = "overfitting: recall@10 is 0.990 among 512 training images, but 0.410 among 512"


def replay(display: Any, move_clock: Callable[[float], None]) -> Iterator[str]:
    """Show the run on a display, and yield the node after each thing that happened to it.

    Args:
        display: entered.
        move_clock: moves the clock of the display forward by seconds.
    """
    for node in (SET_UP, *NODES):
        display.node(node, "started")
        yield node
        reported = PROGRESS.get(node, [])
        for values in reported:
            move_clock(SECONDS[node] / (len(reported) + 1))
            display.progress({"node": node, **values})
            yield node
        move_clock(SECONDS[node] / (len(reported) + 1))
        if node == SET_UP:
            display.plan(NODES)
        if node == "Trainer":
            display.warning(OVERFITTING)
        outcome = "cached" if node in CACHED else "ran"
        display.node(node, outcome, NodeRecord(node, outcome, SECONDS[node], PEAK_BYTES))
        yield node
