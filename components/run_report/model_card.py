"""Write the model card of a release: Markdown with the metadata block of the Hugging Face Hub."""

import html
import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

from components.evaluator.metrics.names import DIRECTIONS, metric_name
from components.run_report.advice import advice
from components.run_report.config import ReportConfig
from components.run_report.facts import Facts
from components.run_report.page import tables
from schema.text.messages import excerpt
from schema.text.untrusted_text import for_people

TASK = "image-text-retrieval"
TAGS = (TASK, "dual-encoder", "zero-shot-image-classification", "diptych")
CARD_METRICS = ("recall_at_1", "recall_at_5", "recall_at_10", "mrr")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+.!|~-])")
USE = """```python
import diptych

release = diptych.load("runs/{name}/serving")
release.search("a few words", k=5)
```"""


def model_card(facts: Facts) -> str:
    """Return the card. It names no path of the machine, and text from elsewhere is escaped."""
    return "\n".join(["---", _metadata(facts).rstrip(), "---", "", *_body(facts)]) + "\n"


def _metadata(facts: Facts) -> str:
    report: Any = facts.config.get("report") or {}
    license_name = ReportConfig.model_validate(report | {}).license
    block: dict[str, Any] = {
        **({"license": license_name} if license_name else {}),
        "library_name": "keras",
        "pipeline_tag": "zero-shot-image-classification",
        "tags": list(TAGS),
        "model-index": [
            {
                "name": facts.name,
                "results": [
                    {
                        "task": {"type": TASK, "name": "Image-text retrieval"},
                        "dataset": {
                            "type": facts.name,
                            "name": facts.name,
                            "split": _split(facts),
                        },
                        "metrics": list(_metrics(facts)),
                    }
                ],
            }
        ],
    }
    return yaml.safe_dump(block, sort_keys=False, allow_unicode=True)


def _metrics(facts: Facts) -> Iterator[dict[str, Any]]:
    whole = facts.evaluation.results.get((), {})
    for direction in DIRECTIONS:
        for name in CARD_METRICS:
            measured = whole.get(metric_name(direction, name))
            if measured is not None and math.isfinite(measured.candidate.value):
                title = f"{direction.replace('_', ' ')}, {tables.LABELS[name]}"
                kind = metric_name(direction, name)
                yield {"type": kind, "value": round(measured.candidate.value, 6), "name": title}


def _body(facts: Facts) -> Iterator[str]:
    yield f"# {_text(facts.name)}"
    yield ""
    yield _text(facts.verdict)
    yield ""
    yield "An image tower and a text tower embed images and texts into one space."
    yield ""
    yield "## Gates"
    yield ""
    for gate in facts.gates:
        yield f"- {'passed' if gate.passed else '**failed**'}: {_text(gate.sentence, 1000)}"
    yield ""
    yield f"## Evaluation on {_text(_split(facts))}"
    yield ""
    yield "| metric | value | interval | by chance | queries | candidates |"
    yield "|---|---:|---:|---:|---:|---:|"
    for table in tables.tables(facts.evaluation):
        for row in table.rows:
            measured, known = row.measured, row.measured.background
            cells = (
                _text(f"{table.title}: {row.label}"),
                tables.number(measured.candidate.value),
                tables.interval(measured.candidate),
                tables.number(known.chance),
                f"{known.count:,}",
                "" if known.candidates is None else f"{known.candidates:,}",
            )
            yield f"| {' | '.join(cells)} |"
    yield ""
    yield from _weakest(facts)
    yield "## Data"
    yield ""
    for split, count in facts.data.summary.examples.items():
        yield f"- {_text(split)}: {count:,} records"
    for line in (*facts.data.warnings, *facts.warnings):
        yield f"- {_text(line, 1000)}"
    yield ""
    found = advice(facts)
    if found:
        yield "## Limits"
        yield ""
        for one in found:
            yield f"- {_text(one.title)}: {_text(one.figure, 1000)}"
        yield ""
    yield "## Use"
    yield ""
    yield USE.format(name=facts.name)
    yield ""
    yield f"Model digest: `{facts.digests.get('model', '')}`"


def _weakest(facts: Facts) -> Iterator[str]:
    """Yield the lowest values of each slice."""
    found = tables.slices(facts.evaluation)
    if not found:
        return
    yield "## Weakest slices, recall@10 of texts for images"
    yield ""
    for one in found:
        lowest = (
            f"{_text(value.value, 80)} {tables.number(value.recall_10.candidate.value)} "
            f"(n={value.recall_10.count:,})"
            for value in reversed(one.values[-3:])
        )
        yield f"- {_text(one.name)}: {', '.join(lowest)}"
    yield ""


def _split(facts: Facts) -> str:
    evaluation: Any = facts.config["evaluation"]
    return str(evaluation["split"])


def _text(text: str, most: int = 300) -> str:
    """Escape a text for Markdown: neither its signs nor HTML in it mean anything."""
    one_line = excerpt(for_people(text), most)
    return _MARKDOWN.sub(r"\\\1", html.escape(one_line, quote=False))
