"""What `diptych evaluate` does: the metrics of a release on other data."""

import dataclasses
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from components.evaluation.measurement import Estimate, Measurement, Results
from components.evaluation.names import DIRECTIONS, metric_name
from components.release import contents, manifest
from components.release.releases import open_releases
from pipeline import path_names
from pipeline.config import RunConfig, load
from pipeline.run_locally import logs_of
from pipeline.session import session
from schema.errors import InputError
from schema.served import FOLDERS, JOINT

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline

OF_SLICES = ("recall_at_1", "recall_at_10", "mrr")  # printed; the JSON file has all metrics


def evaluate(release: str, data: Path, files: str, config: Path, output: Path | None) -> Results:
    """Measure a release and print its metrics.

    Args:
        release: its number, in the releases of `config`; or its folder.
        data: a folder of shards.
        files: glob of the files in it.
        config: read only if `release` is a number.
        output: where to write the measurements as JSON.

    Raises:
        InputError: the release is not there or damaged, or TMPDIR cannot be used.
        RunFailedError: the data cannot be read.
    """
    for fault in path_names.read_as_pattern(path_names.scratch()):
        raise InputError(fault)
    folder, model = _find(release, config)
    told = RunConfig.model_validate_json((folder / contents.CONFIG).read_text(encoding="utf-8"))
    with (
        tempfile.TemporaryDirectory() as scratch,
        session(f"release {model.name} on {data}", _logs(told)) as here,
    ):
        # TFX finds a model by the folder it lies in.
        artifact = Path(scratch, "model")
        artifact.mkdir()
        (artifact / FOLDERS[JOINT]).symlink_to(model)

        def build() -> "Pipeline":
            from pipeline.create_pipeline import evaluation_pipeline

            return evaluation_pipeline(
                told, artifact, data.resolve(), files, f"{scratch}/artifacts"
            )

        _, outputs = here.run(Path(scratch), build)
        from components.evaluation import results

        [evaluation] = outputs["Evaluator"]["evaluation"]
        found = results.read(evaluation.uri)
        _print(found, here.console)
    if output is not None:
        try:
            output.write_text(json.dumps(_plain(found), indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise InputError(f"{output}: cannot be written: {error.strerror}") from error
    return found


def _find(release: str, config: Path) -> tuple[Path, Path]:
    """The folder of a release and its joint model, checked file by file."""
    if release.isdecimal():
        releases = open_releases(load(config).model_dump())
        number = int(release)
        releases.shelf.verified(number, releases.recorded_digest(number))
        return releases.shelf.path(number), releases.shelf.model(number, JOINT)
    folder = Path(release).resolve()
    manifest.verify(folder)
    models = list((folder / JOINT).glob("[0-9]*"))
    if len(models) != 1:
        raise InputError(f"{folder}: holds no {JOINT} model")
    return folder, models[0]


def _logs(config: RunConfig) -> Path:
    """With the logs of the runs; a release that was moved to another machine has none there."""
    ours = logs_of(config)
    return ours if ours.is_dir() else Path(tempfile.mkdtemp(prefix="diptych-"))


def _print(found: Results, console: Console) -> None:
    whole = Table(box=None, header_style="dim")
    whole.add_column("all queries", no_wrap=True)
    for name in ("queries", "value", "low", "high"):
        whole.add_column(name, justify="right")
    for name, measured in found[()].items():
        estimate = measured.candidate
        figures = (estimate.value, estimate.low, estimate.high)
        whole.add_row(name, str(measured.count), *(f"{figure:.4g}" for figure in figures))
    console.print(whole)
    parts = Table(box=None, header_style="dim")
    parts.add_column(f"slices, {DIRECTIONS[0].replace('_', ' ')}", no_wrap=True)
    for name in ("queries", *(statistic.replace("_at_", "@") for statistic in OF_SLICES)):
        parts.add_column(name, justify="right")
    names = [metric_name(DIRECTIONS[0], statistic) for statistic in OF_SLICES]
    for key, measurements in sorted((k, m) for k, m in found.items() if k and names[0] in m):
        values = [f"{measurements[name].candidate.value:.3f}" for name in names]
        parts.add_row(" = ".join(key), str(measurements[names[0]].count), *values)
    console.print(parts)


def _plain(found: Results) -> list[dict[str, Any]]:
    def plain(measured: Measurement) -> dict[str, Any]:
        estimate: Estimate = measured.candidate
        return {"count": measured.count, **dataclasses.asdict(estimate)}

    return [
        {
            "slice": dict([key]) if key else {},
            "metrics": {name: plain(measured) for name, measured in measurements.items()},
        }
        for key, measurements in found.items()
    ]
