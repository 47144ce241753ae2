"""What came out of a run: the verdict, the metrics, the release."""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from components.evaluation.measurement import Estimate, Measurements, Results
from components.evaluation.names import DIRECTIONS, metric_name
from components.evaluation.verdict import GateResult
from components.example_gen import quarantine
from components.release import gather, outcome
from components.release.outcome import Outcome
from components.validation import report

Outputs = Mapping[str, Mapping[str, Sequence[Any]]]
Outcomes = Mapping[str, str]
NODE = "ImageTextExampleGen"
SHOWN = ("recall_at_1", "recall_at_5", "recall_at_10", "mrr", "median_rank")


@dataclasses.dataclass(frozen=True)
class Summary:
    """The end of a run.

    `results` holds the measurements by slice, those of all queries under (); `gates` how each gate
    went; `baseline` the release it was compared with; `warnings` what was found wrong with the data
    that did not stop the run, and `notes` what could not be looked at.
    """

    outcome: Outcome
    baseline: int | None
    gates: Sequence[GateResult]
    results: Results
    warnings: Sequence[str] = ()
    notes: Sequence[str] = ()

    @property
    def shipped(self) -> bool:
        """Whether the model serves now."""
        return self.outcome.champion

    @property
    def verdict(self) -> str:
        """One sentence: does the model serve, and why not; the gates say the rest."""
        if self.shipped:
            return f"shipped: {self.outcome.sentence}"
        refused = sum(not gate.passed for gate in self.gates)
        gates = f"{refused} of {len(self.gates)} gates refused it"
        waits = f"release {self.outcome.release} waits as challenger"
        return f"not promoted: {gates if refused else self.outcome.sentence}; {waits}"


def summarize(folder: Callable[[str, str], Path | None]) -> Summary:
    """Read the artifacts of a run.

    Args:
        folder: of an artifact, by node id and output key; none where the run had no such node.
    """
    from components.evaluation import results, text_metrics

    def there(node: str, key: str) -> Path:
        found = folder(node, key)
        assert found is not None  # every run has the node
        return found

    evaluation = there("Evaluator", "evaluation")
    gathered = gather.gather(
        evaluation, there("ServingCheck", "blessing"), folder("CatalogueIndexer", "index")
    )
    data = report.read(there("ExampleValidator", "anomalies"))
    read = quarantine.read_summary(str(there(NODE, "quarantine")))
    measured = results.read(str(evaluation))
    return Summary(
        outcome=outcome.read(there("Pusher", "pushed_model")),
        baseline=gathered.baseline,
        gates=gathered.gates,
        results=measured,
        warnings=(
            *quarantine.remarks(read),
            *data.warnings,
            *text_metrics.warnings(measured[()]),
        ),
        notes=data.notes,
    )


def of_local_run(outputs: Outputs) -> Summary:
    """Sum up what the local runner returned."""

    def folder(node: str, key: str) -> Path | None:
        return Path(outputs[node][key][0].uri) if node in outputs else None

    return summarize(folder)


def record(summary: Summary | None, verdict: str, outcomes: Outcomes, outputs: Outputs) -> str:
    """What is kept of a run beside its log, as JSON; `diptych why` and `quarantine` read it.

    Args:
        summary: None of a run that failed.
        verdict: a sentence.
        outcomes: how each node went.
        outputs: of the nodes that were done.
    """
    kept = outputs.get(NODE, {}).get("quarantine")
    return json.dumps(
        {
            "verdict": verdict,
            "gates": [gate.model_dump() for gate in summary.gates] if summary else [],
            "warnings": list(summary.warnings) if summary else [],
            "notes": list(summary.notes) if summary else [],
            "nodes": dict(outcomes),
            "quarantine": kept[0].uri if kept else None,
        },
        indent=1,
    )


def table(measurements: Measurements) -> list[list[str]]:
    """Rows of text, one per direction: its name, then a cell per statistic."""
    return [
        [direction.replace("_", " ")]
        + [_cell(s, measurements[metric_name(direction, s)].candidate) for s in SHOWN]
        for direction in DIRECTIONS
    ]


def _cell(statistic: str, estimate: Estimate) -> str:
    return f"{estimate.value:.1f}" if statistic == "median_rank" else f"{estimate.value:.3f}"
