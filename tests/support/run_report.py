"""Facts of a report that no run has to make, and texts that try to leave their place."""

import dataclasses
import io
from typing import Any

from PIL import Image

from components.evaluator.metrics.measurement import Background, Estimate, Measurement
from components.evaluator.report import Report
from components.example_gen.near_duplicates.pairs import Pair
from components.example_gen.records.quarantine import Summary
from components.run_report.facts import (
    Data,
    Facts,
    Gallery,
    Gate,
    Hub,
    ImageQuery,
    Miss,
    NearImage,
    NearText,
    Picture,
    TextQuery,
)
from components.run_report.gallery.thumbnails import data_uri
from schema.node_record import NodeRecord

METRICS = ("recall_at_1", "recall_at_5", "recall_at_10", "mrr", "median_rank", "mean_rank", "map")
HOSTILE = (
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "\"><svg onload=document.title='owned'>",
    "' onmouseover='document.title=1",
    "</title></style></script><script>document.title='owned'</script>",
    "<iframe src=javascript:alert(1)></iframe>",
    "javascript:alert(1)",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "{{ 7 * 7 }}{% raw %}",
    "${7*7} #{7*7} <%= 7 %>",
    "]]><!--",
    "--><h1>owned</h1>",
    "<base href=http://example.com/>",
    "<meta http-equiv=refresh content=0;url=http://example.com/>",
    "<link rel=stylesheet href=http://example.com/a.css>",
    "<style>*{display:none}</style>",
    "<a href=http://example.com/>link</a>",
    "<form action=http://example.com/><input autofocus onfocus=alert(1)>",
    "\x1b[31mred\x1b[0m\x1b]0;title\x07",
    "\x1b[2J\x1b[H",
    "line one\nline two\r\nline three",
    "tab\tand\vvertical\fform",
    "\u202eevil.exe\u202c",
    "\u2066isolate\u2069\u202d",
    "\u200f\u200e\u061c marks",
    "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd 123",
    "\u0645\u0631\u062d\u0628\u0627 (abc)",
    "\x00null\x07bell\x08back",
    "a\u0301" * 200,
    "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324\u031e" * 20,
    "x" * 5000,
    "no spaces " * 500,
    "\ufeffbom\ufffe",
    "\U000e0001\U000e0041tags",
    "\ud800 half",
    "| table | row |\n|---|---|",
    "# heading\n* list\n[a](javascript:alert(1))",
    "`code` ``` ---\nlicense: owned\n---",
    "../../etc/passwd",
    "%3Cscript%3E \\u003cscript\\u003e",
)


def measured(value: float, chance: float | None = 0.001, count: int = 200) -> Measurement:
    """A metric with an interval of 0.05 to both sides."""
    return Measurement(Background(count, 300, chance), Estimate(value, value - 0.05, value + 0.05))


def measurements(value: float, count: int = 200) -> dict[str, Measurement]:
    """All metrics of ranks, in both directions."""
    return {
        f"{direction}_{name}": measured(value + 0.01 * place, count=count)
        for direction in ("text_to_image", "image_to_text")
        for place, name in enumerate(METRICS)
    }


def picture(name: str, colour: str = "red", captions: tuple[str, ...] = ()) -> Picture:
    """A red square."""
    file = io.BytesIO()
    Image.new("RGB", (120, 80), colour).save(file, "PNG")
    return Picture(name, data_uri(file.getvalue(), 96), captions or (name,), {"kind": name})


def config(**report: Any) -> dict[str, Any]:
    """As much of a config as a report reads."""
    gate = {"metric": "text_to_image_recall_at_1", "at_least": 0.4}
    return {
        "name": "small",
        "data": {"splits": {"train": "a", "eval": "b"}},
        "image": {"size": 32},
        "model": {"image_tower": {"kind": "convnet"}, "text_tower": {"kind": "bag"}},
        "evaluation": {"split": "eval", "confidence": 0.95, "gates": [gate]},
        "report": report,
    }


def facts(words: tuple[str, ...] = ("a red cup", "blue sky"), **changes: Any) -> Facts:
    """A whole report, in which every text from elsewhere is one of some words."""
    word = [words[n % len(words)] for n in range(200)]
    pictures = [picture(text, "red" if n % 2 else "blue") for n, text in enumerate(word[:60])]
    near = [NearImage(p, 0.5 - n / 100, n == 1) for n, p in enumerate(pictures)]
    texts = tuple(NearText(text, 0.4, n == 0) for n, text in enumerate(word[:5]))
    results: dict[Any, Any] = {(): measurements(0.6)}
    for n, text in enumerate(words):
        results["kind", text] = measurements(0.3 + 0.6 * n / len(words), count=100 + n)
    gallery = Gallery(
        records=60,
        of_records=60,
        texts=100,
        queries=tuple(
            TextQuery(text, 1.0 + n, tuple(near[n : n + 5])) for n, text in enumerate(word[:12])
        ),
        images=tuple(ImageQuery(p, 1.0, texts) for p in pictures[:6]),
        misses=tuple(
            Miss(text, 50.0 - n, near[n], near[n + 1]) for n, text in enumerate(word[:20])
        ),
        hub=Hub(pictures[0], 3, 2),
    )
    sentence = "text_to_image_recall_at_1 = 0.600 [0.550, 0.650] >= 0.400"
    steps = tuple((100 * n, 0.1 * n) for n in range(1, 8))
    whole = Facts(
        name="small",
        run="2026-01-01T00-00-00",
        verdict="The model passed all 2 gates.",
        passed=True,
        baseline=None,
        gates=(
            Gate(True, sentence, Estimate(0.6, 0.55, 0.65), 0.4),
            Gate(True, f"the export passed all checks of {word[0]}"),
        ),
        evaluation=Report(results),
        curves={"train/loss": steps, "train/text_to_image_recall_at_1": steps},
        data=Data(
            Summary(
                read=5000,
                examples={"train": 4000, "eval": 900},
                quarantined={"near_duplicate_of_train": 40, "empty_caption": 2},
                distinct_captions={"train": 3000, "eval": 800},
                near_duplicates={"eval": 40},
            ),
            rejected=tuple((text, f"{text}: the caption is empty") for text in words),
            near_duplicates=tuple(Pair("eval", text, text, "alike", 0.95) for text in words),
            anomalies=tuple(("eval", text, f"{text} is new") for text in words),
            warnings=words,
            values={"kind": dict.fromkeys(words, 7)},
        ),
        gallery=gallery,
        warnings=words,
        config=config() | {"plugins": list(words)},
        versions={"python": "3.11"},
        digests={"model": "0123456789abcdef"},
        metrics={"text_to_image_recall_at_1": 0.6},
        nodes=(
            NodeRecord("Trainer", "ran", 61.5, 900_000_000),
            NodeRecord("Pusher", "cached", 0.2, None),
        ),
    )
    return dataclasses.replace(whole, **changes)
