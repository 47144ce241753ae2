"""`diptych run`: run the pipeline on this machine."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from diptych.cli.command import REFUSED, RERUN, ConfigArgument, Wait, one_sentence

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline

    from pipeline.config.run_config import RunConfig
    from pipeline.console.summary import Summary
    from pipeline.local.session import Outputs


def run_command(
    config: ConfigArgument,
    fresh: Annotated[bool, typer.Option(help="run every node, whatever the cache holds")] = False,
    wait: Wait = False,
) -> None:
    """Run the pipeline on this machine.

    Exit codes: 0 the model serves, 1 the run failed, 2 the config is bad, 3 a gate refused it,
    130 Ctrl-C, 143 SIGTERM.
    """
    with one_sentence(RERUN):
        from pipeline.config.load_to_train import load_to_train

        summary = run(load_to_train(config), not fresh, wait)
    raise typer.Exit(0 if summary.shipped else REFUSED)


def run(config: "RunConfig", use_cache: bool = True, wait: bool = False) -> "Summary":
    """Run the pipeline in this process, print its progress and its outcome.

    Args:
        config: of the run.
        use_cache: take the outputs of a node from the cache where it has them.
        wait: wait until another command in the workspace has ended.

    Raises:
        InputError: another command works in the workspace.
        RunFailedError: a node failed; the release that serves stays.
        Interrupted: SIGINT or SIGTERM came.
    """
    from diptych.cli.printing import keep, print_summary, print_warnings
    from pipeline.console.summary import of_local_run, record
    from pipeline.console.terminal import say
    from pipeline.local import disks
    from pipeline.local.run_logs import logs_of
    from pipeline.local.session import RunFailedError, open_session
    from pipeline.process.stopping import Interrupted
    from pipeline.process.workspace_lock import locked

    workspace = Path(config.workspace)

    with (
        disks.of_run(config),
        locked(workspace, "run", wait),
        open_session(config.name, logs_of(config)) as here,
    ):
        record_file = here.log.with_suffix(".json")
        print_warnings(config.warnings(), [], here.console)
        try:
            outcomes, outputs = here.run(workspace, lambda: _build(config, use_cache))
        except RunFailedError as error:
            keep(record_file, record(None, f"failed: {error}", {}, error.outputs), here.console)
            raise
        except Interrupted as stopped:
            keep(record_file, record(None, str(stopped), {}, {}), here.console)
            raise
        summary = of_local_run(outputs)
        plain = config.model_copy(update={"kubeflow": None}).model_dump(mode="json")
        nodes = here.timeline.nodes
        text = record(summary, summary.verdict, outcomes, outputs, plain, nodes)
        keep(record_file, text, here.console)
        print_summary(summary, here.console)
        say(here.console, how_to_see_the_curves(outputs))
    return summary


def _build(config: "RunConfig", use_cache: bool) -> "Pipeline":
    """Ask the release store which release serves before anything is trained."""
    from components.release.store import open_store
    from pipeline.create_pipeline import create_pipeline

    store = open_store(config.model_dump())
    store.reconcile()
    workspace = Path(config.workspace)
    return create_pipeline(
        config,
        str(workspace / "artifacts"),
        use_cache,
        store.lost(),
        str(workspace / "checkpoints"),
    )


def how_to_see_the_curves(outputs: "Outputs") -> str:
    """Return the TensorBoard command that shows the curves of the training."""
    [curves] = outputs["Trainer"]["model_run"]
    program = Path(sys.executable).with_name("tensorboard")
    return f"curves of the training: {shlex.join([str(program), '--logdir', curves.uri])}"
