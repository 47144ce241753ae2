"""Log the parameters, metrics and curves of a release as an MLflow run."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from components.release.files.manifest import FILE, Manifest
from schema.errors import InputError

if TYPE_CHECKING:
    from mlflow import MlflowClient

T = TypeVar("T")
AT_ONCE = 100  # MLflow takes at most 100 parameters and 1,000 metrics in one call
SHOWN_FILES = (
    *(FILE, "config.json", "evaluation/verdict.json", "check.json"),
    *("report.html", "README.md"),
)
SHOWN = "release"  # folder of the run's artifacts that the model version names as its source


def log_run(
    client: "MlflowClient",
    experiment: str,
    content: Manifest,
    release: Path,
    artifact_location: str | None,
) -> str:
    """Log a release; doing it again changes nothing.

    Args:
        client: of the registry.
        experiment: created if it does not exist.
        content: what to log.
        release: its folder; the files that people read are copied to the run.
        artifact_location: where a new experiment keeps such files; None: where the server says.

    Returns:
        The id of the run.

    Raises:
        InputError: the experiment was deleted.
    """
    from mlflow.entities import Metric, Param, RunTag

    experiment_id = experiment_of(client, experiment, artifact_location)
    run_id = _run(client, experiment_id, content)
    when = round(content.created * 1000)
    for params in _parts([Param(k, str(v)) for k, v in content.config.items()]):
        client.log_batch(run_id, params=params)
    points = [Metric(name, value, when, 0) for name, value in content.metrics.items()]
    points += [
        Metric(name, value, when, step)
        for name, curve in content.curves.items()
        for step, value in curve
    ]
    for metrics in _parts(points):
        client.log_batch(run_id, metrics=metrics)
    tags = {f"data.{k}": v for k, v in content.data.items()}
    tags["mlflow.note.content"] = "\n\n".join(gate.sentence for gate in content.gates)
    client.log_batch(run_id, tags=[RunTag(k, v) for k, v in tags.items()])
    for file in SHOWN_FILES:
        if (release / file).exists():
            client.log_artifact(run_id, str(release / file), SHOWN)
    client.set_terminated(run_id, "FINISHED", when)
    return run_id


def experiment_of(
    client: "MlflowClient", name: str, artifact_location: str | None, restore: bool = False
) -> str:
    """Return the id of an experiment, and create it if it does not exist.

    Args:
        client: of the registry.
        name: of the experiment.
        artifact_location: see `log_run`.
        restore: restore it if it was deleted.

    Raises:
        InputError: it was deleted, and `restore` is False.
    """
    existing = client.get_experiment_by_name(name)
    if existing is None:
        return str(client.create_experiment(name, artifact_location=artifact_location))
    if existing.lifecycle_stage == "deleted":
        if not restore:
            raise InputError(
                f"the experiment {name} was deleted in MLflow; `diptych releases "
                "rebuild-registry` restores it"
            )
        client.restore_experiment(existing.experiment_id)
    return str(existing.experiment_id)


def _run(client: "MlflowClient", experiment_id: str, content: Manifest) -> str:
    """Return the run of this model: one that a killed process has begun, or a new one."""
    same = f"tags.model_digest = '{content.model_digest}'"
    begun: Sequence[Any] = client.search_runs([experiment_id], same, max_results=1)
    if begun:
        return str(begun[0].info.run_id)
    new = client.create_run(
        experiment_id,
        start_time=round(content.created * 1000),
        tags={"model_digest": content.model_digest},
        run_name=content.run,
    )
    return str(new.info.run_id)


def _parts(items: list[T]) -> Iterator[list[T]]:
    for start in range(0, len(items), AT_ONCE):
        yield items[start : start + AT_ONCE]
