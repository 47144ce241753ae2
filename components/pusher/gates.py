"""Every gate of a run, wherever it stood: evaluation, serving check, index."""

from pathlib import Path

from components.catalogue_index import report as index_report
from components.evaluator import gates as verdict
from components.release.gates import GateResult, Gathered
from components.serving_check import report as check_report
from components.serving_check.report import CheckReport

TOLD = ("latency", "tensorflow-serving")  # serving checks that say more than that all is well


def gather(evaluation: Path, serving_check: Path, index: Path | None) -> Gathered:
    """Read the verdicts that a run's artifacts hold.

    Args:
        evaluation: of the Evaluator.
        serving_check: of ServingCheck.
        index: of the catalogue index, if there is one.
    """
    evaluated = verdict.read(str(evaluation))
    gates = list(evaluated.gates)
    metrics = dict(evaluated.metrics)
    checked = check_report.read(str(serving_check))
    gates += _served(checked)
    for signature, latency in checked.latency_ms.items():
        metrics[f"{signature}_p50_ms"] = latency.p50
        metrics[f"{signature}_p99_ms"] = latency.p99
    if index is not None:
        measured = index_report.read(index)
        gates.append(GateResult(passed=measured.passed, sentence=measured.sentence))
        if measured.recall is not None:
            metrics[f"index_recall_at_{measured.recall_at}"] = measured.recall
    return Gathered(evaluated.baseline, tuple(gates), metrics)


def _served(checked: CheckReport) -> list[GateResult]:
    """One gate for all checks together when they hold, else one for each that does not."""
    failed = [check for check in checked.checks if not check.passed]
    if not failed:
        told = {check.name: check.sentence for check in checked.checks}
        latency = "".join(f"; {name}: {told[name]}" for name in TOLD if name in told)
        sentence = f"the export passed all {len(checked.checks)} serving checks{latency}"
        return [GateResult(passed=True, sentence=sentence)]
    return [
        GateResult(passed=False, sentence=f"serving check {check.name}: {check.sentence}")
        for check in failed
    ]
