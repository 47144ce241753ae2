"""The timeline of a run: seconds and the peak of memory of each node."""

import time

import numpy as np

from pipeline.local import timeline
from pipeline.local.timeline import Timeline


def test_it_measures_each_node():
    line = Timeline()
    line.note("A", "started")
    time.sleep(0.05)
    line.note("A", "ran")
    line.note("B", "started")
    line.note("B", "cached")
    assert [(node.node, node.outcome) for node in line.nodes] == [("A", "ran"), ("B", "cached")]
    assert 0.05 <= line.nodes[0].seconds < 5
    assert line.nodes[1].seconds < line.nodes[0].seconds


def test_the_peak_is_that_of_the_node_alone():
    line = Timeline()
    line.note("large", "started")
    block = np.ones(40_000_000)  # 320 MB
    del block
    line.note("large", "ran")
    line.note("small", "started")
    line.note("small", "ran")
    large, small = (node.peak_mb for node in line.nodes)
    assert large is not None
    assert small is not None
    assert large - small > 250


def test_where_the_system_measures_nothing_there_is_no_peak(tmp_path, monkeypatch):
    monkeypatch.setattr(timeline, "CLEAR", tmp_path / "no" / "such")
    line = Timeline()
    line.note("A", "started")
    line.note("A", "ran")
    assert line.nodes[0].peak_mb is None


def test_an_end_without_a_start_is_no_node():
    line = Timeline()
    line.note("A", "ran")
    assert line.nodes == []
