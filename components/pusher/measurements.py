"""Read the gates, metrics and training curves of a run from its artifacts."""

from pathlib import Path

from components.catalogue_index import report as index_report
from components.evaluator import gates as verdict
from components.release.gates import GateResult, Gathered
from components.serving_check import report as check_report
from components.serving_check.report import CheckReport

# Serving checks whose figures are shown when all pass.
SHOWN = ("latency", "portable", "tensorflow-serving")
Curve = tuple[tuple[int, float], ...]  # (step, value)


def gather(evaluation: Path, serving_check: Path, index: Path | None) -> Gathered:
    """Read the results of all gates: evaluation, serving check and index.

    Args:
        evaluation: of the Evaluator.
        serving_check: of ServingCheck.
        index: of the catalogue index, if there is one.
    """
    evaluated = verdict.read(str(evaluation))
    gates = list(evaluated.gates)
    metrics = dict(evaluated.metrics)
    checked = check_report.read(str(serving_check))
    gates += _serving_gates(checked)
    for signature, latency in checked.latency_ms.items():
        metrics[f"{signature}_p50_ms"] = latency.p50
        metrics[f"{signature}_p99_ms"] = latency.p99
    if index is not None:
        measured = index_report.read(index)
        gates.append(GateResult(passed=measured.passed, sentence=measured.sentence))
        if measured.recall is not None:
            metrics[f"index_recall_at_{measured.recall_at}"] = measured.recall
    return Gathered(evaluated.baseline, tuple(gates), metrics)


def _serving_gates(checked: CheckReport) -> list[GateResult]:
    """Return one gate for all checks if they hold, else one for each that does not."""
    failed = checked.failed()
    if failed:
        return [
            GateResult(passed=False, sentence=f"serving check {check.name}: {check.sentence}")
            for check in failed
        ]
    sentences = {check.name: check.sentence for check in checked.checks}
    figures = "".join(f"; {name}: {sentences[name]}" for name in SHOWN if name in sentences)
    sentence = f"the export passed all {len(checked.checks)} serving checks{figures}"
    return [GateResult(passed=True, sentence=sentence)]


def read_curves(model_run: Path) -> dict[str, Curve]:
    """Read every scalar of TensorBoard files by its name, such as 'train/loss'.

    Args:
        model_run: the Trainer's artifact with the files.
    """
    import tensorflow as tf
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    curves: dict[str, Curve] = {}
    for folder in sorted({path.parent for path in model_run.rglob("*tfevents*")}):
        events = EventAccumulator(str(folder), size_guidance={"tensors": 0}).Reload()
        for tag in events.Tags()["tensors"]:
            points = [(e.step, tf.make_ndarray(e.tensor_proto)) for e in events.Tensors(tag)]
            name = f"{folder.relative_to(model_run)}/{tag}"
            if all(value.ndim == 0 and value.dtype.kind == "f" for _, value in points):
                curves[name] = tuple((step, float(value)) for step, value in points)
    return curves
