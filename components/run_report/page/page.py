"""Render the page of a report: one HTML file that loads nothing and runs no script."""

import base64
import hashlib
import math
import re
from collections.abc import Iterator
from typing import Any

import jinja2
from markupsafe import Markup, escape

from components.example_gen.records import quarantine
from components.example_gen.rows import NEAR_DUPLICATE
from components.run_report.advice import advice
from components.run_report.config import ReportConfig
from components.run_report.facts import Facts, Gallery, Picture
from components.run_report.page import charts, tables
from components.run_report.page.template_files import TEMPLATES
from schema.text.messages import excerpt, number_of
from schema.text.untrusted_text import for_people

PAIRS = 100  # near duplicates that are listed
LONGEST = 300  # characters of a text from elsewhere
CURVES = (
    ("loss", "loss", False),
    ("text_to_image_recall_at_1", "recall@1, text to image", False),
    ("text_to_image_recall_at_10", "recall@10, text to image", False),
    ("image_to_text_recall_at_1", "recall@1, image to text", False),
    ("image_to_text_recall_at_10", "recall@10, image to text", False),
    ("learning_rate", "learning rate", False),
    ("logit_scale", "scale of the logits", False),
    ("pairs_per_second", "pairs per second", False),
)


def render(facts: Facts) -> str:
    """Return the page. Text from elsewhere is escaped, isolated and without control characters."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=False,
    )
    environment.filters.update(
        foreign=_foreign,
        plain=_plain,
        number=tables.number,
        interval=tables.interval,
        exact=repr,
        rank=_rank,
        about=_about,
        code=_code,
    )
    page = environment.get_template("page.html.j2")
    return page.render(**_context(facts)) + "\n"


def _context(facts: Facts) -> dict[str, Any]:
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    evaluation: Any = facts.config["evaluation"]
    drawn = {
        "curves": list(_curves(facts)),
        "slices": list(_slices(facts)),
        "advice": advice(facts),
    }
    return {
        "facts": facts,
        "style": Markup(style),  # noqa: S704  our own file
        "policy": f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'",
        "headline": _headline(facts),
        "sections": list(_sections(facts, drawn)),
        "confidence": f"{100 * evaluation['confidence']:g} %",
        "split": evaluation["split"],
        "gates": [(gate, charts.gate(gate)) for gate in facts.gates],
        "tables": list(tables.tables(facts.evaluation)),
        "retained": list(tables.retained(facts.evaluation)),
        "gallery": facts.gallery,
        "gallery_note": _gallery_note(facts.gallery),
        "data": facts.data,
        "summary": facts.data.summary,
        "warnings": [*facts.data.warnings, *facts.warnings],
        "pairs": facts.data.near_duplicates[:PAIRS],
        "more_pairs": max(0, len(facts.data.near_duplicates) - PAIRS),
        "removed": NEAR_DUPLICATE in facts.data.summary.quarantined,
        "reasons": [
            (reason, facts.data.summary.quarantined[reason], meaning)
            for reason, meaning in quarantine.explain(facts.data.summary.quarantined)
        ],
        "timeline": charts.timeline(facts.nodes) if facts.nodes else "",
        "timeline_text": _timeline_text(facts),
        "config": list(tables.flat(facts.config)),
        **drawn,
    }


def _headline(facts: Facts) -> str:
    """Say how well the model finds, than what it is better, and how much it was measured on."""
    whole = facts.evaluation.results.get((), {})
    measured = whole.get(tables.RECALL_1)
    if measured is None or not math.isfinite(measured.candidate.value):
        return ""
    first = f"The right image ranks first for {measured.candidate.value:.1%} of "
    sentence = first.replace("%", " %") + number_of(measured.count, "text")
    if measured.background.candidates is not None:
        sentence += f" among {measured.background.candidates:,} images"
    if measured.background.chance:
        sentence += f", {measured.candidate.value / measured.background.chance:,.0f} times chance"
    difference = measured.difference
    if difference is not None and math.isfinite(difference.value):
        sentence += (
            f", and {abs(difference.value):.3f} {'more' if difference.value >= 0 else 'less'} than "
            f"release {facts.baseline} ({tables.interval(difference) or 'counted'})"
        )
    return f"{sentence}."


def _sections(facts: Facts, drawn: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "gates", "Gates"
    yield "next", "What to try next"
    yield "recall", "Recall"
    if drawn["curves"]:
        yield "curves", "Training"
    if drawn["slices"]:
        yield "slices", "Slices"
    yield "gallery", "Texts"
    yield "images", "Images"
    if facts.gallery.misses:
        yield "misses", "Worst pairs"
    yield "data", "Data"
    if facts.nodes:
        yield "time", "Time"
    yield "config", "Config"


def _curves(facts: Facts) -> Iterator[tuple[str, Markup, str]]:
    for name, title, log in CURVES:
        points = [p for p in facts.curves.get(f"train/{name}", ()) if math.isfinite(p[1])]
        if len(points) > 1:
            first, last = tables.number(points[0][1]), tables.number(points[-1][1])
            text = f"{title} over the steps of the training: from {first} to {last}"
            yield f"{title}: {last} at the end", charts.curve(tuple(points), log), text


def _slices(facts: Facts) -> Iterator[tuple[tables.Slice, Markup, str, str]]:
    whole = facts.evaluation.results.get((), {}).get(tables.RECALL_10)
    report: Any = facts.config.get("report") or {}
    most = report.get("slice_values", ReportConfig().slice_values)
    for one in tables.slices(facts.evaluation):
        drawable = [v for v in one.values if math.isfinite(v.recall_10.candidate.value)]
        shown = drawable[-most:]
        if not shown:
            continue
        rows = [(value.value, value.recall_10) for value in shown]
        count = len(drawable) + one.hidden
        title = f"by {_plain(one.name)}"
        if len(shown) < count:
            title += f": the {len(shown)} lowest of {count:,} values"
        listed = (f"{_plain(name)} {measured.candidate.value:.3f}" for name, measured in rows)
        drawn = charts.bars(rows, whole.candidate.value if whole else None)
        yield one, drawn, title, f"recall@10 {title}: {', '.join(listed)}"


def _gallery_note(gallery: Gallery) -> str:
    shown = number_of(len(gallery.queries), "text")
    note = (
        f"Here are {shown} with the nearest images; a hash of the text decides which. Half are "
        "right at rank 1, as far as there are such, so they say nothing of the recall."
    )
    if gallery.is_sample:
        note = (
            f"Ranks here are among a fixed sample of {gallery.records:,} of "
            f"{gallery.of_records:,} records, and so better than in the whole split. {note}"
        )
    return note


def _timeline_text(facts: Facts) -> str:
    took = ", ".join(f"{node.id} {node.seconds:.1f} s" for node in facts.nodes)
    return f"wall time of the nodes: {took}"


def _plain(text: str, most: int = LONGEST) -> str:
    """Return a text from elsewhere as one short line, for attributes; Jinja escapes it."""
    return excerpt(for_people(text), most)


def _about(shown: Picture) -> str:
    """Return captions and attributes of an image, for whoever points at it."""
    captions = " / ".join(_plain(caption, 100) for caption in shown.captions)
    attributes = (f"{_plain(k, 60)} = {_plain(v, 60)}" for k, v in shown.attributes.items())
    return "; ".join([captions, *attributes])


def _foreign(text: str, most: int = LONGEST) -> Markup:
    """Return a text from elsewhere as an element of its own direction."""
    return Markup("<bdi>{}</bdi>").format(escape(_plain(text, most)))


def _code(text: str) -> Markup:
    """Set what stands between backticks in a sentence of ours as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704  escaped


def _rank(rank: float) -> str:
    """'right at rank 1', or 'the right one has rank 12'."""
    return "right at rank 1" if rank == 1 else f"the right one has rank {rank:,g}"
