"""`diptych kubeflow dry-run`: run every container of the compiled package on this machine."""

import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from diptych.cli.command import REFUSED, ConfigArgument, GivenValues, Wait, one_sentence
from diptych.cli.kubeflow.submit import Compiled, Settings, compiled_package

if TYPE_CHECKING:
    from kubeflow.compiler.package import Package
    from pipeline.config.run_config import RunConfig
    from pipeline.console.summary import Summary

FOLDER = "dry-run"  # in the workspace


def dry_run_command(
    config: ConfigArgument,
    given: GivenValues = None,
    package: Compiled = None,
    settings: Settings = None,
    fresh: Annotated[bool, typer.Option(help="delete the releases of earlier dry runs")] = False,
    wait: Wait = False,
) -> None:
    """Run the package on this machine, as Kubeflow would.

    Compiles the config, unless --package names a file, and runs every container command.

    The real releases are not touched: dry runs have their own, and a second one is compared with
    what the first one released.

    Exit codes: 0 the model would serve, 1 a task failed, 2 the config is bad, 3 a gate refused it.
    """
    with one_sentence("the next dry run starts from the beginning"):
        from pipeline.config import path_names
        from pipeline.config.run_config import load
        from pipeline.process.temporary_folder import scratch
        from pipeline.process.workspace_lock import locked
        from schema.errors import InputError

        if package is not None and given:
            raise InputError(
                f"{given[0].partition('=')[0]} cannot be changed in --package, which is compiled; "
                "leave --package out, or set a run parameter with --set"
            )
        loaded = load(config, given=given or [])
        path_names.check(loaded, config)
        compiled = compiled_package(config, package, given or [])
        with locked(Path(loaded.workspace) / FOLDER, "kubeflow dry-run", wait), scratch():
            summary = _dry_run(loaded, compiled, settings or [], fresh)
    raise typer.Exit(0 if summary.shipped else REFUSED)


def _dry_run(config: "RunConfig", package: "Package", given: list[str], fresh: bool) -> "Summary":
    from diptych.cli.printing import print_summary
    from kubeflow.client.run_arguments import settings
    from kubeflow.dry_run.tasks import run_tasks
    from pipeline.console.progress_text import duration
    from pipeline.console.summary import summarize
    from pipeline.console.terminal import make_console, tell
    from pipeline.local.display import choose
    from pipeline.local.session import output_logged

    folder = Path(config.workspace) / FOLDER
    if fresh:
        shutil.rmtree(folder / "releases", ignore_errors=True)
    here = {
        "data_path": config.data.path,
        "push_path": str(folder / "releases"),
        "registry_uri": "",  # a file beside those releases, never the real one
    }
    values = here | settings(package, given)
    last = folder / "last"
    shutil.rmtree(last, ignore_errors=True)
    tell(f"{config.name}: logs of the tasks in {last / 'logs'}")
    console = make_console()
    display = choose(sys.stdout, console)
    started = time.monotonic()
    with display:
        ended = run_tasks(package.text, last, values, display.node)
    with output_logged(last / "logs" / "summary.log"):  # reading metrics imports TensorFlow
        summary = summarize(
            lambda task, key: ended.folder(task, key) if task in ended.outputs else None
        )
    print_summary(summary, console)
    tell(f"took {duration(time.monotonic() - started)}")
    return summary
