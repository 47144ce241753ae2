"""Read the facts of a report from the artifacts of a run."""

import dataclasses
import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from components.evaluator import report as evaluation_report
from components.evaluator.config import EvaluationConfig
from components.evaluator.metrics.measurement import Results
from components.example_gen.near_duplicates import pairs
from components.example_gen.records import quarantine
from components.example_gen.records.splits import DIGESTS, TRAIN
from components.example_gen.rows import NEAR_DUPLICATE
from components.example_validator import report as data_report
from components.pusher import measurements
from components.release.contents import model_digest
from components.release.gates import GateResult
from components.run_report.config import ReportConfig
from components.run_report.facts import Data, Facts, Gate
from components.run_report.gallery.choose import gallery
from components.run_report.gallery.sample import read_sample
from schema import features
from schema.serving_names import FOLDERS, JOINT, REMARKS
from schema.text.messages import number_of

REJECTED = 20  # quarantined records that are shown
PACKAGES = ("diptych", "tfx", "tensorflow", "keras", "tensorflow-text", "apache-beam", "numpy")
SHORT = 16  # hexadecimal digits of a digest


@dataclasses.dataclass(frozen=True)
class Sources:
    """The folders of a run's artifacts, and its config as JSON has it."""

    examples: Path
    model: Path
    model_run: Path
    evaluation: Path
    serving_check: Path
    statistics: Path
    anomalies: Path
    quarantine: Path
    config: Mapping[str, Any]
    index: Path | None = None


def gather(sources: Sources) -> Facts:
    """Read the artifacts, and embed a sample of the evaluated records.

    Raises:
        InputError: the evaluated split has no record that can be shown.
    """
    config = sources.config
    measured = evaluation_report.read(sources.evaluation)
    gathered = measurements.gather(sources.evaluation, sources.serving_check, sources.index)
    wanted = ReportConfig.model_validate_json(json.dumps(config.get("report") or {}))
    split = config["evaluation"]["split"]
    sample = read_sample(
        sources.examples / f"Split-{split}", sources.model / FOLDERS[JOINT], wanted.records
    )
    return Facts(
        name=config["name"],
        run=None,
        verdict=_verdict(gathered.gates),
        passed=gathered.decision.passed,
        baseline=gathered.baseline,
        gates=tuple(_gates(gathered.gates, config, measured.results)),
        evaluation=measured,
        curves=measurements.read_curves(sources.model_run),
        data=_data(sources),
        gallery=gallery(sample, wanted),
        warnings=(*_remarks(sources.model), *measured.remarks),
        config=config,
        versions=dict(_versions()),
        digests=dict(_digests(sources)),
        metrics=gathered.metrics,
    )


def _verdict(gates: tuple[GateResult, ...]) -> str:
    refused = sum(not gate.passed for gate in gates)
    if not refused:
        return f"The model passed all {number_of(len(gates), 'gate')}."
    verb = "refuses" if refused == 1 else "refuse"
    return f"Refused: {refused} of {number_of(len(gates), 'gate')} {verb} the model."


def _gates(
    decided: tuple[GateResult, ...], config: Mapping[str, Any], results: Results
) -> Iterator[Gate]:
    """Add value and bound to the gates of the evaluation, which come first, in their order."""
    evaluation = EvaluationConfig.model_validate_json(json.dumps(config["evaluation"]))
    for number, gate in enumerate(decided):
        asked = evaluation.gates[number] if number < len(evaluation.gates) else None
        if asked is None or asked.slice is not None or asked.data is not None:
            yield Gate(gate.passed, gate.sentence)
            continue
        measured = results.get((), {}).get(asked.metric)
        bound = asked.at_most if asked.at_least is None else asked.at_least
        estimate = measured.candidate if measured and bound is not None else None
        yield Gate(gate.passed, gate.sentence, estimate, bound, asked.at_least is not None)


def _remarks(model: Path) -> list[str]:
    path = model / REMARKS
    remarks: list[str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return remarks


def _data(sources: Sources) -> Data:
    folder = str(sources.quarantine)
    summary = quarantine.read_summary(folder)
    judged = data_report.read(sources.anomalies)
    rejected = [
        (f"{row.place}" if row.key is None else row.key, quarantine.describe(row))
        for row in quarantine.read_records(folder)
        if row.reason != NEAR_DUPLICATE
    ]
    sides, values = _train_statistics(sources.statistics)
    return Data(
        summary=summary,
        rejected=tuple(rejected[:REJECTED]),
        near_duplicates=tuple(pairs.read(folder)),
        anomalies=tuple(_anomalies(sources.anomalies)),
        warnings=(*quarantine.remarks(summary), *judged.warnings),
        notes=(*([summary.not_read] if summary.not_read else []), *judged.notes),
        image_sides=sides,
        values=values,
    )


def _anomalies(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Yield (split, feature, sentence) of TFX's anomalies."""
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    for file in sorted(folder.glob("Split-*/SchemaDiff.pb")):
        found = anomalies_pb2.Anomalies.FromString(file.read_bytes())
        split = file.parent.name.removeprefix("Split-")
        for feature, anomaly in sorted(found.anomaly_info.items()):
            yield split, feature, anomaly.description or anomaly.short_description


def _train_statistics(
    folder: Path,
) -> tuple[tuple[float, float] | None, dict[str, dict[str, int]]]:
    """Return the median sides of the train images, and the counts of each attribute's values."""
    from tensorflow_metadata.proto.v0 import statistics_pb2

    path = folder / f"Split-{TRAIN}" / "FeatureStats.pb"
    medians: dict[str, float] = {}
    values: dict[str, dict[str, int]] = {}
    parsed = statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes())
    for feature in parsed.datasets[0].features:
        name = feature.name or feature.path.step[0]
        if name in (features.IMAGE_WIDTH, features.IMAGE_HEIGHT):
            medians[name] = feature.num_stats.median
        if features.is_attribute(name):
            buckets = feature.string_stats.rank_histogram.buckets
            values[features.attribute_name(name)] = {
                bucket.label: int(bucket.sample_count) for bucket in buckets
            }
    if len(medians) < 2:
        return None, values
    return (medians[features.IMAGE_WIDTH], medians[features.IMAGE_HEIGHT]), values


def _versions() -> Iterator[tuple[str, str]]:
    yield "python", platform.python_version()
    for name in PACKAGES:
        try:
            yield name, importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield name, "not installed as a package"


def _digests(sources: Sources) -> Iterator[tuple[str, str]]:
    yield "model", model_digest(sources.model)[:SHORT]
    yield "evaluation", _digest(sources.evaluation / evaluation_report.FILE)
    for split in sorted(sources.config["data"]["splits"]):
        path = sources.examples / DIGESTS.format(split)
        if path.exists():
            yield f"records of {split}", _digest(path)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:SHORT]
