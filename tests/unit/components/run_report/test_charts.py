"""Charts: well-formed SVG in the colours of the page, with what it should show."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from components.evaluator.metrics.measurement import Estimate
from components.run_report.facts import Gate
from components.run_report.page import charts
from schema.node_record import NodeRecord
from tests.support.run_report import HOSTILE, measured

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return ["".join(each.itertext()) for each in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def colours(svg: str) -> set[str]:
    return set(re.findall(r'(?:fill|stroke)="([^"]+)"', svg)) - {"none", "transparent"}


def drawn() -> dict[str, str]:
    gate = charts.gate(Gate(True, "", Estimate(0.6, 0.5, 0.7), 0.4))
    assert gate is not None
    return {
        "gate": gate,
        "curve": charts.curve(((1, 2.0), (50, 1.0), (100, 0.5))),
        "bars": charts.bars([("cat", measured(0.8)), ("dog", measured(0.4, count=1234))], 0.6),
        "timeline": charts.timeline(
            [NodeRecord("Trainer", "ran", 60, None), NodeRecord("Pusher", "cached", 1, None)]
        ),
    }


@pytest.mark.parametrize("kind", ["gate", "curve", "bars", "timeline"])
def test_it_is_svg_in_the_colours_of_the_page(kind):
    svg = drawn()[kind]
    root = ElementTree.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    assert float(root.get("width", "0")) <= 330
    assert colours(svg) <= {f"var({name})" for name in charts.VARIABLES.values()}
    assert "style=" not in svg
    assert "role=" not in svg
    assert "aria-label" not in svg


def test_bars_name_their_values_and_counts():
    shown = texts(drawn()["bars"])
    assert {"cat", "dog", "n=200", "n=1,234"} <= set(shown)


def test_hostile_names_are_text():
    svg = charts.bars([(text, measured(0.5)) for text in HOSTILE], None)
    ElementTree.fromstring(svg)
    assert not re.search(r"<(script|img|iframe|a|style)\b", svg)


def test_a_gate_without_one_number_between_0_and_1_has_no_chart():
    assert charts.gate(Gate(True, "")) is None
    assert charts.gate(Gate(True, "", Estimate(12, 10, 14), 20)) is None
    assert charts.gate(Gate(True, "", Estimate(float("nan"), 0, 1), 0.5)) is None
