"""Draw charts with Altair as SVG that needs no JavaScript.

Colours are written as variables of the page's style, so that a chart is dark where the page is.
"""

import io
import re
from collections.abc import Mapping, Sequence

import altair as alt
from markupsafe import Markup

from components.evaluator.metrics.measurement import Estimate, Measurement
from components.run_report.facts import Curve, Gate
from schema.node_record import NodeRecord
from schema.text.messages import excerpt
from schema.text.untrusted_text import for_people

WIDTH = 300  # pixels: a chart and its labels fit into a page of 360
LABEL = 110  # pixels that a label may take
FONT = "Helvetica Neue, Helvetica, Arial, sans-serif"
# Colours that stand in the SVG, and the variables of the page that take their place.
INK, MUTED, GRID, MARK, SECOND, FAINT = (
    "#010101",
    "#020202",
    "#030303",
    "#040404",
    "#050505",
    "#060606",
)
VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--grid",
    MARK: "--mark",
    SECOND: "--second",
    FAINT: "--faint",
}
_ATTRIBUTES = re.compile(r' (?:role|aria-[a-z]+)="[^"]*"')


def gate(result: Gate) -> Markup | None:
    """Draw the value of a gate with its interval and its bound on a line from 0 to 1.

    Returns:
        None where that is not one number, or not one from 0 to 1.
    """
    estimate, bound = result.estimate, result.bound
    if estimate is None or bound is None or not _is_share(estimate, bound):
        return None
    row = {"value": estimate.value, "low": estimate.low, "high": estimate.high, "bound": bound}
    base = alt.Chart(alt.Data(values=[row]))
    scale = alt.Scale(domain=[0, 1])
    axis = alt.Axis(values=[0, 0.5, 1], title=None, domain=False, ticks=False)
    interval = base.mark_rule(color=MARK, strokeWidth=2).encode(
        x=alt.X("low:Q", scale=scale, axis=axis), x2="high:Q"
    )
    point = base.mark_point(color=MARK, filled=True, size=26, opacity=1).encode(
        x=alt.X("value:Q", scale=scale)
    )
    line = base.mark_tick(color=SECOND, thickness=3, height=18).encode(
        x=alt.X("bound:Q", scale=scale)
    )
    return _svg(alt.layer(line, interval, point), 180, 22)


def curve(points: Curve, log: bool = False) -> Markup:
    """Draw a curve of the training over its steps."""
    rows = [{"step": step, "value": value} for step, value in points]
    chart = (
        alt.Chart(alt.Data(values=rows))
        .mark_line(color=MARK, strokeWidth=2, point=alt.OverlayMarkDef(color=MARK, size=14))
        .encode(
            x=alt.X("step:Q", title="step", axis=alt.Axis(tickCount=4, grid=False)),
            y=alt.Y(
                "value:Q",
                title=None,
                scale=alt.Scale(type="log" if log else "linear", zero=False, nice=True),
                axis=alt.Axis(tickCount=4),
            ),
        )
    )
    return _svg(chart, WIDTH - 60, 120)


def bars(rows: Sequence[tuple[str, Measurement]], whole: float | None) -> Markup:
    """Draw a measurement of each value of a slice, in order, with interval and count.

    Args:
        rows: (value, measurement).
        whole: of all queries, a line through all bars.
    """
    values = [
        {
            "label": f"{number:04d}",
            "name": _label(name),
            "value": measured.candidate.value,
            "low": measured.candidate.low,
            "high": measured.candidate.high,
            "count": f"n={measured.count:,}",
        }
        for number, (name, measured) in enumerate(rows)
    ]
    names = {row["label"]: row["name"] for row in values}
    base = alt.Chart(alt.Data(values=values))
    y = alt.Y(
        "label:N",
        sort=None,
        title=None,
        axis=alt.Axis(labels=False, ticks=False, domain=False),
    )
    scale = alt.Scale(domain=[0, 1])
    x = alt.X("value:Q", title=None, scale=scale, axis=alt.Axis(values=[0, 0.5, 1]))
    layers = [
        base.mark_bar(color=FAINT, height=14).encode(x=x, y=y),
        base.mark_rule(color=MARK, strokeWidth=2).encode(
            x=alt.X("low:Q", scale=scale), x2="high:Q", y=y
        ),
        base.mark_point(color=MARK, filled=True, size=40, opacity=1).encode(x=x, y=y),
        base.mark_text(color=MUTED, align="left", fontSize=10).encode(
            x=alt.value(WIDTH - LABEL - 46), y=y, text="count:N"
        ),
        base.mark_text(color=INK, align="right", fontSize=11, limit=LABEL - 6).encode(
            x=alt.value(-6), y=y, text="name:N"
        ),
    ]
    if whole is not None:
        line = alt.Chart(alt.Data(values=[{"whole": whole}]))
        layers.insert(1, line.mark_rule(color=SECOND, strokeDash=[3, 3]).encode(x="whole:Q"))
    assert names  # the caller draws no empty chart
    return _svg(alt.layer(*layers), WIDTH - LABEL - 50, 22 * len(values))


def timeline(nodes: Sequence[NodeRecord]) -> Markup:
    """Draw the nodes one after the other, each as long as it took."""
    rows: list[Mapping[str, object]] = []
    start = 0.0
    for number, node in enumerate(nodes):
        rows.append(
            {
                "label": f"{number:04d}",
                "name": _label(node.id),
                "start": start,
                "end": start + node.seconds,
                "cached": node.outcome == "cached",
            }
        )
        start += node.seconds
    base = alt.Chart(alt.Data(values=list(rows)))
    y = alt.Y(
        "label:N", sort=None, title=None, axis=alt.Axis(labels=False, ticks=False, domain=False)
    )
    colour = alt.condition("datum.cached", alt.value(FAINT), alt.value(MARK))
    bar = base.mark_bar(height=12).encode(
        x=alt.X("start:Q", title="seconds", axis=alt.Axis(tickCount=4)),
        x2="end:Q",
        y=y,
        color=colour,
    )
    name = base.mark_text(color=INK, align="right", fontSize=11, limit=LABEL + 14).encode(
        x=alt.value(-6), y=y, text="name:N"
    )
    return _svg(alt.layer(bar, name), WIDTH - LABEL - 20, 20 * len(rows))


def _is_share(estimate: Estimate, bound: float) -> bool:
    return all(0 <= each <= 1 for each in (estimate.low, estimate.value, estimate.high, bound))


def _label(text: str) -> str:
    return excerpt(for_people(text), 40)


def _svg(chart: alt.LayerChart | alt.FacetChart | alt.Chart, width: int, height: int) -> Markup:
    """Return a chart as SVG for the page, without the roles that Vega gives its parts."""
    # A browser's font may be wider than the one that Vega measures labels with.
    around = {"left": 14, "right": 8, "top": 5, "bottom": 5}
    drawn = (
        chart.properties(width=width, height=height, padding=around)
        .configure(font=FONT, background="transparent", autosize="pad")
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=MUTED,
            titleColor=MUTED,
            titleFontWeight="normal",
            gridColor=GRID,
            domainColor=GRID,
            tickColor=GRID,
            labelFontSize=10,
            titleFontSize=10,
        )
    )
    file = io.StringIO()
    drawn.save(file, format="svg")
    text = _ATTRIBUTES.sub("", file.getvalue())
    for colour, variable in VARIABLES.items():
        text = text.replace(f'"{colour}"', f'"var({variable})"')
    return Markup(text.replace("<svg ", '<svg aria-hidden="true" ', 1))  # noqa: S704  escaped by Vega
