"""The record of each node: what it took, and how much memory."""

import dataclasses
import json
from typing import Any

from pipeline.console.summary import record
from pipeline.node_recorder import SET_UP, NodeRecorder
from schema.node_record import NodeRecord


class Memory:
    """A measurement of memory with a known end."""

    def __init__(self, peak: int | None):
        self._peak = peak

    def stop(self) -> int | None:
        return self._peak


def recorder(times: list[float], peaks: list[int | None]) -> NodeRecorder:
    measured: Any = iter(map(Memory, peaks))
    ticks = iter(times)
    return NodeRecorder(lambda: next(ticks), lambda: next(measured))


def test_nodes_are_kept_and_set_up_is_not():
    kept = recorder([0, 7, 8, 10.50049, 11, 12], [5, 600, None])
    for node, outcome in ((SET_UP, "ran"), ("Trainer", "ran"), ("Pusher", "failed")):
        kept.start(node)
        kept.end(node, outcome)
    assert kept.records == [
        NodeRecord("Trainer", "ran", 2.5, 600), NodeRecord("Pusher", "failed", 1, None),
    ]  # fmt: skip


def test_a_node_that_never_started_has_no_time():
    assert recorder([], []).end("Pusher", "stopped") == NodeRecord("Pusher", "stopped", 0.0, None)


def test_the_record_of_a_run_has_its_nodes():
    nodes = [NodeRecord("Trainer", "ran", 2.5, 600), NodeRecord("Pusher", "failed", 1.0, None)]
    kept = json.loads(record(None, "failed: Pusher: no", nodes, {}))
    assert kept["nodes"] == [
        {"id": "Trainer", "outcome": "ran", "seconds": 2.5, "peak_bytes": 600},
        {"id": "Pusher", "outcome": "failed", "seconds": 1.0, "peak_bytes": None},
    ]
    assert [NodeRecord(**node) for node in kept["nodes"]] == nodes
    assert set(kept["nodes"][0]) == {field.name for field in dataclasses.fields(NodeRecord)}
