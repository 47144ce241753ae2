"""`diptych kubeflow rehearse`: the compiled package, run here from the file alone."""

import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from diptych.cli.commands import REFUSED, Wait, one_sentence
from diptych.cli.kubeflow.compile import Config
from diptych.cli.kubeflow.submit import Compiled, Settings, compiled_package

if TYPE_CHECKING:
    from kubeflow.compiler.package import Package
    from pipeline.config.run_config import RunConfig
    from pipeline.console.summary import Summary

FOLDER = "rehearsal"  # in the workspace


def rehearse(
    config: Config,
    package: Compiled = None,
    settings: Settings = None,
    fresh: Annotated[bool, typer.Option(help="forget the releases of earlier rehearsals")] = False,
    wait: Wait = False,
) -> None:
    """Compile the config and run every container command of the package here, as Kubeflow would.

    Nothing of the real releases is touched: a rehearsal has its own, and a second one is compared
    with what the first released.

    Exit codes: 0 the model would serve, 1 a task failed, 2 the config is bad, 3 a gate refused it.
    """
    with one_sentence("the next rehearsal begins anew"):
        from pipeline.config import path_names
        from pipeline.config.run_config import load
        from pipeline.process.temporary_folder import scratch
        from pipeline.process.workspace_lock import locked

        loaded = load(config)
        path_names.check(loaded, config)
        compiled = compiled_package(config, package)
        with locked(Path(loaded.workspace) / FOLDER, "kubeflow rehearse", wait), scratch():
            summary = _rehearse(loaded, compiled, settings or [], fresh)
    raise typer.Exit(0 if summary.shipped else REFUSED)


def _rehearse(config: "RunConfig", package: "Package", given: list[str], fresh: bool) -> "Summary":
    from diptych.cli.run import print_summary
    from kubeflow.client.run_arguments import settings
    from kubeflow.dry_run.run import rehearse as run
    from pipeline.console.summary import summarize
    from pipeline.console.terminal import make_console, tell
    from pipeline.local.display import choose, duration
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
        ended = run(package.text, last, values, display.node)
    with output_logged(last / "logs" / "summary.log"):  # reading metrics imports TensorFlow
        summary = summarize(
            lambda task, key: ended.folder(task, key) if task in ended.outputs else None
        )
    print_summary(summary, console)
    tell(f"took {duration(time.monotonic() - started)}")
    return summary
