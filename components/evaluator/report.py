"""Write and read `evaluation.json`: all measurements of the Evaluator, readable without TFMA.

A file looks like this; `remarks` are sentences, a measurement without a slice is of all queries,
and `retained` holds such measurements of each retained data set by its name:

    {"remarks": [], "classes": null, "measurements": [{"slice": {"vendor": "noto"}, "metrics":
      {"text_to_image_mrr": {"queries": 90, "candidates": 300, "chance": 0.0209,
        "candidate": {"value": 0.71, "low": 0.66, "high": 0.75}, "baseline": null, ...}}}],
     "retained": {}}
"""

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from components.evaluator.metrics.measurement import (
    Background,
    ClassCounts,
    Estimate,
    Measurement,
    Results,
)

FILE = "evaluation.json"  # in the Evaluator's evaluation artifact
ESTIMATES = ("candidate", "baseline", "difference")


@dataclasses.dataclass(frozen=True)
class Report:
    """All measurements of an evaluation, with remarks.

    Attributes:
        results: by slice.
        classes: of the images, where the config has `zero_shot`.
        remarks: sentences: why a metric is weak here, or is missing.
        retained: by slice, of each retained data set by its name.
    """

    results: Results
    classes: ClassCounts | None = None
    remarks: tuple[str, ...] = ()
    retained: Mapping[str, Results] = dataclasses.field(default_factory=dict)


def write(report: Report, uri: str) -> None:
    """Write a report into an evaluation artifact, which may lie in an object store."""
    from tfx.utils import io_utils  # heavy, and only the Evaluator writes

    io_utils.write_string_file(f"{uri}/{FILE}", json.dumps(plain(report), indent=1) + "\n")


def read(evaluation: Path) -> Report:
    """Read the report of an evaluation artifact, or of the copy in a release."""
    return of_plain(json.loads((evaluation / FILE).read_text(encoding="utf-8")))


def of_plain(payload: dict[str, Any]) -> Report:
    """Build a report from plain JSON values, the reverse of `plain`."""
    return Report(
        _results(payload["measurements"]),
        ClassCounts(**payload["classes"]) if payload["classes"] else None,
        tuple(payload["remarks"]),
        {name: _results(found) for name, found in payload.get("retained", {}).items()},
    )


def _results(measurements: Iterable[dict[str, Any]]) -> Results:
    return {
        next(iter(each["slice"].items()), ()): {
            name: _measurement(fields) for name, fields in each["metrics"].items()
        }
        for each in measurements
    }


def plain(report: Report) -> dict[str, Any]:
    """Turn a report into plain JSON values; null stands for what is not a number."""
    return {
        "remarks": list(report.remarks),
        "classes": dataclasses.asdict(report.classes) if report.classes else None,
        "measurements": _plain_results(report.results),
        "retained": {name: _plain_results(found) for name, found in report.retained.items()},
    }


def _plain_results(results: Results) -> list[dict[str, Any]]:
    return [
        {
            "slice": dict([key]) if key else {},
            "metrics": {name: _fields(measured) for name, measured in measurements.items()},
        }
        for key, measurements in results.items()
    ]


def _fields(measured: Measurement) -> dict[str, Any]:
    known = measured.background
    estimates = {name: getattr(measured, name) for name in ESTIMATES}
    return {
        "queries": known.count,
        "candidates": known.candidates,
        "chance": known.chance,
        **{name: _numbers(each) if each else None for name, each in estimates.items()},
    }


def _numbers(estimate: Estimate) -> dict[str, float | None]:
    fields = dataclasses.asdict(estimate)
    return {name: value if math.isfinite(value) else None for name, value in fields.items()}


def _measurement(fields: dict[str, Any]) -> Measurement:
    estimates = {name: _estimate(fields[name]) for name in ESTIMATES if fields[name]}
    background = Background(fields["queries"], fields["candidates"], fields["chance"])
    return Measurement(background, **estimates)


def _estimate(fields: dict[str, float | None]) -> Estimate:
    return Estimate(**{name: math.nan if v is None else v for name, v in fields.items()})
