"""`diptych evaluate`: measure a release on other data."""

import dataclasses
import glob
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from diptych.cli.command import HERE, ConfigFile, one_sentence

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline

    from components.evaluator.report import Report
    from components.example_gen.config import IngestConfig
    from components.example_gen.split_digests import Overlap
    from pipeline.config.run_config import RunConfig
    from pipeline.console.rich_console import Console

AUTO = "auto"
LONGEST_NUMBER = 20  # characters of a release's; more may be a folder
OF_IMAGES = "metadata."  # beginning of the name of a file that describes images beside it


def evaluate_command(
    release: Annotated[str, typer.Argument(help="its number, or its folder")],
    data: Annotated[
        Path, typer.Argument(help="a folder of shards or of images, or one file", readable=False)
    ],
    config: ConfigFile = HERE,
    files: Annotated[
        str | None, typer.Option(help="glob of the files in the folder; default: by their names")
    ] = None,
    format: Annotated[
        str | None, typer.Option(help="as data.format; default: by the names, or the release's")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="write all metrics here, as JSON", readable=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print all metrics as JSON")] = False,
) -> None:
    """Measure a release on other data.

    Prints its metrics, slices and intervals.
    """
    with one_sentence():
        evaluate(release, data, files, format, config, output, as_json)


def evaluate(
    release: str,
    data: Path,
    files: str | None,
    format: str | None,
    config: Path,
    output: Path | None = None,
    as_json: bool = False,
) -> "Report":
    """Measure a release and print its metrics.

    Args:
        release: its number, in the releases of `config`; or its folder.
        data: a folder of shards or of images, or one file.
        files: glob of the files in it; None: by their names.
        format: as `data.format`; None: by the names of the files, or the release's.
        config: read only if `release` is a number.
        output: where to write the measurements as JSON.
        as_json: print them as JSON and nothing else.

    Raises:
        InputError: the release is not there or damaged, or TMPDIR cannot be used.
        RunFailedError: the data cannot be read.
        OSError: `output` cannot be written; nothing was measured yet.
    """
    from components.evaluator import report
    from components.release import contents
    from pipeline.config import path_names
    from pipeline.config.run_config import of_release
    from pipeline.local.session import open_session
    from schema.errors import InputError
    from schema.serving_names import CONFIG, FOLDERS, JOINT
    from schema.system import disk

    for fault in path_names.read_as_pattern(path_names.scratch()):
        raise InputError(fault)
    if output is not None:
        _try_to_write(output)
    folder, model = _find(release, config)
    trained = of_release(folder / CONFIG)
    given = _ingest_config(trained, data, files, format)
    name = f"release {model.name}"
    with (
        disk.written({}),
        open_session(f"{name} on {data}", _logs(trained), silent=as_json) as here,
        tempfile.TemporaryDirectory() as scratch,
    ):
        # TFX finds a model by the folder it lies in.
        artifact = Path(scratch, "model")
        artifact.mkdir()
        (artifact / FOLDERS[JOINT]).symlink_to(model)

        def build() -> "Pipeline":
            from pipeline.create_pipeline import evaluation_pipeline

            statistics = folder / contents.STATISTICS
            return evaluation_pipeline(trained, artifact, statistics, given, f"{scratch}/artifacts")

        _, outputs = here.run(Path(scratch), build)
        measured = report.read(Path(outputs["Evaluator"]["evaluation"][0].uri))
        examples = Path(outputs["ImageTextExampleGen"]["examples"][0].uri)
        overlap = _overlap(examples, folder, trained.evaluation.split)
        remark = _trained_on(overlap, name)
        _print(measured, overlap, remark, here.console)
        measured = dataclasses.replace(measured, remarks=(remark, *measured.remarks))
    _write(report.plain(measured) | _plain(overlap), output, as_json)
    return measured


def _try_to_write(file: Path) -> None:
    """Raise the OSError that writing the file would raise; an existing file stays as it is."""
    is_new = not file.exists()
    if not is_new and not file.is_file() and not file.is_dir():
        return  # a pipe's reader would see the end of it
    file.open("ab").close()
    if is_new:
        file.unlink()


def _find(release: str, config: Path) -> tuple[Path, Path]:
    """Return the folder of a release and its joint model, after checking every file."""
    from components.release.files import manifest
    from components.release.store import open_store
    from pipeline.config.run_config import load
    from schema.errors import InputError
    from schema.serving_names import JOINT

    if release.isdecimal() and len(release) < LONGEST_NUMBER:
        store = open_store(load(config).model_dump())
        number = int(release)
        store.verified(number)
        return store.folders.path(number), store.folders.model(number, JOINT)
    folder = Path(release).resolve()
    manifest.verify(folder)
    models = list((folder / JOINT).glob("[0-9]*"))
    if len(models) != 1:
        raise InputError(f"{folder}: holds no {JOINT} model")
    return folder, models[0]


def _ingest_config(
    trained: "RunConfig", data: Path, files: str | None, format: str | None
) -> "IngestConfig":
    """Return the ingest config of the release, changed to read other data."""
    from components.example_gen.config import IngestConfig, formats
    from schema.errors import InputError

    if not data.exists():
        raise InputError(f"{data}: is not there")
    data = data.resolve()
    if format is not None and format not in formats():
        raise InputError(f"--format {format}: is none of {', '.join(formats())}")
    path, pattern = (data, files) if files is not None else _place(data)
    chosen = format or (trained.data.format if files is not None or data.is_file() else AUTO)
    ingest = trained.data.for_ingest(trained.image).model_dump()
    ingest |= {"format": chosen, "path": str(path), "files": None, "retain": {}}
    return IngestConfig.model_validate(ingest | {"splits": {trained.evaluation.split: pattern}})


def _place(data: Path) -> tuple[Path, str]:
    """Return a folder and a glob below it, of the shards in `data` or of `data` itself."""
    from components.example_gen.readers.recognition import file_patterns
    from schema.errors import InputError

    if data.is_dir():
        there = [
            pattern
            for pattern in file_patterns()
            if any(not file.name.startswith(OF_IMAGES) for file in data.glob(pattern))
        ]
        if len(there) > 1:
            raise InputError(
                f"{data}: holds {' and '.join(there)}; say with --files which to evaluate"
            )
        if there:
            return data, there[0]
        if not any(data.iterdir()):
            raise InputError(f"{data}: is empty")
    return data.parent, glob.escape(data.name)


def _logs(config: "RunConfig") -> Path:
    """Return the folder of the runs' logs, or a new one where the release came from elsewhere."""
    from pipeline.local.run_logs import logs_of

    ours = logs_of(config)
    return ours if ours.is_dir() else Path(tempfile.mkdtemp(prefix="diptych-"))


def _overlap(examples: Path, folder: Path, split: str) -> "Overlap | None":
    """Measure how much of the data the release was trained on; None if it has no record of that."""
    from components.example_gen import split_digests
    from components.example_gen.records.splits import DIGESTS
    from components.release import contents

    trained_on = folder / contents.TRAINED_ON
    if not trained_on.exists():
        return None
    return split_digests.compare(examples / DIGESTS.format(split), trained_on)


def _trained_on(overlap: "Overlap | None", release: str) -> str:
    if overlap is None:
        return f"{release} keeps no digests of its train split: it may hold images of this data"
    return overlap.sentence(release)


def _print(measured: "Report", overlap: "Overlap | None", remark: str, console: "Console") -> None:
    from diptych.cli.printing import print_warnings
    from pipeline.console.tables import every_metric, print_report, print_table

    unseen = overlap is not None and not overlap.same_image and not overlap.same_key
    warnings, notes = (measured.remarks, (remark,)) if unseen else ((remark, *measured.remarks), ())
    print_warnings(warnings, notes, console)
    print_report(measured, console)
    print_table(every_metric(measured.results.get((), {})), console)


def _plain(overlap: "Overlap | None") -> dict[str, Any]:
    return {"trained_on": None if overlap is None else dataclasses.asdict(overlap)}


def _write(metrics: dict[str, Any], output: Path | None, as_json: bool) -> None:
    if as_json:
        from pipeline.console.terminal import tell_json

        tell_json(metrics)
    if output is not None:
        text = json.dumps(metrics, indent=1) + "\n"
        output.write_text(text, encoding="utf-8")
