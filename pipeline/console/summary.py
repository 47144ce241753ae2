"""Summarise a run: the verdict, the metrics, the release."""

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from components.evaluator import report as evaluation_report
from components.evaluator.metrics.measurement import Results
from components.evaluator.report import Report
from components.example_gen.records import quarantine
from components.example_validator import report
from components.pusher import measurements, outcome
from components.pusher.outcome import Outcome
from components.release.gates import GateResult
from schema.node_record import NodeRecord
from schema.serving_names import REMARKS
from schema.text.messages import number_of
from trainer.training.fine_tuning import mixing_curve
from trainer.training.fine_tuning.mixing_curve import Mixing

Outputs = Mapping[str, Mapping[str, Sequence[Any]]]
NODE = "ImageTextExampleGen"


@dataclasses.dataclass(frozen=True)
class Summary:
    """The outcome of a run.

    `evaluation` holds all measurements; `gates` how each gate went; `baseline` the release it was
    compared with; `warnings` what was found wrong with the data or the training that did not stop
    the run, and `notes` what could not be looked at; `mixing` is the curve of a fine-tuning.
    """

    outcome: Outcome
    baseline: int | None
    gates: Sequence[GateResult]
    evaluation: Report
    warnings: Sequence[str] = ()
    notes: Sequence[str] = ()
    mixing: Mixing | None = None

    @property
    def results(self) -> Results:
        """Measurements by slice; those of all queries are under ()."""
        return self.evaluation.results

    @property
    def shipped(self) -> bool:
        """Whether the model serves now."""
        return self.outcome.champion

    @property
    def verdict(self) -> str:
        """One sentence that says whether the model serves, and why not."""
        if self.shipped:
            return f"shipped: {self.outcome.sentence}"
        refused = sum(not gate.passed for gate in self.gates)
        gates = f"{refused} of {number_of(len(self.gates), 'gate')} refused it"
        waits = f"release {self.outcome.release} waits as challenger"
        return f"not promoted: {gates if refused else self.outcome.sentence}; {waits}"


def summarize(folder: Callable[[str, str], Path | None]) -> Summary:
    """Read the artifacts of a run.

    Args:
        folder: of an artifact, by node id and output key; none where the run had no such node.
    """

    def there(node: str, key: str) -> Path:
        path = folder(node, key)
        assert path is not None  # every run has the node
        return path

    evaluation = there("Evaluator", "evaluation")
    gathered = measurements.gather(
        evaluation, there("ServingCheck", "blessing"), folder("CatalogueIndexer", "index")
    )
    measured = evaluation_report.read(evaluation)
    data = report.read(there("ExampleValidator", "anomalies"))
    read = quarantine.read_summary(str(there(NODE, "quarantine")))
    return Summary(
        outcome=outcome.read(there("Pusher", "pushed_model")),
        baseline=gathered.baseline,
        gates=gathered.gates,
        evaluation=measured,
        warnings=(
            *quarantine.remarks(read),
            *data.warnings,
            *_remarks(there("Trainer", "model")),
            *measured.remarks,
        ),
        notes=(*([read.not_read] if read.not_read else []), *data.notes),
        mixing=mixing_curve.read(there("Trainer", "model")),
    )


def _remarks(model: Path) -> list[str]:
    """Return the warnings of the trainer."""
    path = model / REMARKS
    remarks: list[str] = json.loads(path.read_text()) if path.exists() else []
    return remarks


def of_local_run(outputs: Outputs) -> Summary:
    """Summarise what the local runner returned."""

    def folder(node: str, key: str) -> Path | None:
        return Path(outputs[node][key][0].uri) if node in outputs else None

    return summarize(folder)


def record(
    summary: Summary | None,
    verdict: str,
    nodes: Iterable[NodeRecord],
    outputs: Outputs,
    config: Mapping[str, Any] | None = None,
) -> str:
    """Return the record of a run as JSON, which `diptych why`, `report` and `quarantine` read.

    Args:
        summary: None of a run that failed.
        verdict: a sentence.
        nodes: how each one that has ended went.
        outputs: of the nodes that were done.
        config: of the run, as JSON has it; None where no report can follow.
    """
    kept = outputs.get(NODE, {}).get("quarantine")
    return json.dumps(
        {
            "verdict": verdict,
            "gates": [gate.model_dump() for gate in summary.gates] if summary else [],
            "warnings": list(summary.warnings) if summary else [],
            "notes": list(summary.notes) if summary else [],
            "evaluation": evaluation_report.plain(summary.evaluation) if summary else None,
            "mixing": mixing_curve.plain(summary.mixing) if summary and summary.mixing else None,
            "nodes": [dataclasses.asdict(node) for node in nodes],
            "artifacts": {
                node: {key: listed[0].uri for key, listed in by_key.items() if listed}
                for node, by_key in outputs.items()
            },
            "config": config,
            "quarantine": kept[0].uri if kept else None,
        },
        indent=1,
    )
