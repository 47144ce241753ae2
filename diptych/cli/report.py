"""`diptych report`: write the report of a run, and print where it is."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from diptych.cli.command import HERE, ConfigFile, one_sentence

if TYPE_CHECKING:
    from components.run_report.facts import Facts
    from pipeline.config.run_config import RunConfig

LOG = "report.log"


def report_command(
    run: Annotated[str | None, typer.Argument(help="name of a run; default: the last one")] = None,
    config: ConfigFile = HERE,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="the file; default: beside the log of the run", readable=False
        ),
    ] = None,
) -> None:
    """Write the report of a run as one HTML file.

    It shows the verdict, the recall, examples, the worst pairs and what to try next.
    """
    with one_sentence():
        from pipeline.config.run_config import load

        write_report(load(config), run, output)


def write_report(config: "RunConfig", run: str | None, output: Path | None) -> Path:
    """Write the report of a run, and print its path.

    Args:
        config: of the pipeline.
        run: its name; None: the last run.
        output: the file; None: beside the log of the run.

    Returns:
        The path of the file.

    Raises:
        InputError: there is no such run, it ended before its model was measured, or its artifacts
            are gone.
    """
    from pipeline.console.terminal import tell
    from pipeline.local.run_logs import logs_of
    from pipeline.local.run_records import read_record, record_of
    from pipeline.local.session import output_logged

    path = record_of(config, run) if run else _last_run(config)
    record = read_record(path)
    file = output or path.with_suffix(".html")
    with output_logged(logs_of(config) / LOG):
        from components.run_report.page.page import render

        page = render(_facts(path, record))
    file.write_text(page, encoding="utf-8")
    tell(str(file))
    return file


def _last_run(config: "RunConfig") -> Path:
    """Return the record of the last run with a model; checks and failed runs have none.

    Raises:
        InputError: there is none.
    """
    from pipeline.console.terminal import complain
    from pipeline.local.run_logs import records_of
    from pipeline.local.run_records import read_record, record_of
    from schema.errors import InputError

    newest = record_of(config, None)
    without = _without_a_model(newest, read_record(newest))
    for path in records_of(config):
        if read_record(path).get("config") is not None:
            if path != newest:
                complain(f"{without}; this is the report of {path.stem}")
            return path
    raise InputError(f"{without}; `diptych run` makes one")


def _without_a_model(path: Path, record: dict[str, Any]) -> str:
    return f"{path.stem} has no model to report on ({record['verdict']})"


def _facts(path: Path, record: dict[str, Any]) -> "Facts":
    import dataclasses
    import logging

    from components.run_report.gather import gather
    from schema.errors import InputError, last_line
    from schema.node_record import NodeRecord
    from trainer.training.performance.cpu import choose_kernels

    choose_kernels()  # before anything imports TensorFlow
    try:
        facts = gather(_sources(path, record))
        return dataclasses.replace(
            facts,
            run=path.stem,
            verdict=record["verdict"],
            nodes=tuple(NodeRecord(**node) for node in record["nodes"]),
        )
    except (InputError, OSError):
        raise
    except Exception as error:  # whatever a reader makes of a file that it does not understand
        logging.getLogger(__name__).exception("the record or an artifact cannot be read")
        raise InputError(
            f"run {path.stem}: its record or one of its artifacts cannot be read, as one that is "
            f"half written or of another version ({last_line(error)}; traceback in "
            f"{path.with_name(LOG)}); run again"
        ) from error


def _sources(path: Path, record: dict[str, Any]) -> Any:
    """Return where the artifacts of a run are.

    Raises:
        InputError: the run ended before it had them, or they were deleted.
    """
    from components.run_report.gather import Sources
    from schema.errors import InputError

    written, config = record.get("artifacts", {}), record.get("config")
    if config is None:
        raise InputError(_without_a_model(path, record))
    places = {
        "examples": ("ImageTextExampleGen", "examples"),
        "quarantine": ("ImageTextExampleGen", "quarantine"),
        "statistics": ("StatisticsGen", "statistics"),
        "anomalies": ("ExampleValidator", "anomalies"),
        "model": ("Trainer", "model"),
        "model_run": ("Trainer", "model_run"),
        "evaluation": ("Evaluator", "evaluation"),
        "serving_check": ("ServingCheck", "blessing"),
    }
    found: dict[str, Path] = {}
    for name, (node, key) in places.items():
        if key not in written.get(node, {}):
            raise InputError(
                f"run {path.stem} ended before {node} was done, so there is nothing to report: "
                f"{record['verdict']}"
            )
        found[name] = Path(written[node][key])
    index = written.get("CatalogueIndexer", {}).get("index")
    for folder in (*found.values(), *([Path(index)] if index else [])):
        if not folder.exists():
            raise InputError(
                f"{folder}: is gone, and the report of run {path.stem} needs it; run again"
            )
    return Sources(**found, config=config, index=Path(index) if index else None)
