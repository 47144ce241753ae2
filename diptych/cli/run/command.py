"""`diptych run`: run the pipeline on this machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from diptych.cli.command import (
    REFUSED,
    RERUN,
    AsJson,
    ConfigArgument,
    GivenValues,
    PrintConfig,
    Wait,
    need_pipeline,
    one_sentence,
    print_config,
)

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline

    from pipeline.config.run_config import RunConfig
    from pipeline.console.summary import Summary


def run_command(
    config: ConfigArgument,
    given: GivenValues = None,
    fresh: Annotated[bool, typer.Option(help="run every node, whatever the cache holds")] = False,
    wait: Wait = False,
    as_json: AsJson = False,
    only_print: PrintConfig = False,
) -> None:
    """Run the pipeline on this machine.

    Exit codes: 0 the model serves, 1 the run failed, 2 the config is bad, 3 a gate refused it,
    130 Ctrl-C, 143 SIGTERM.
    """
    with one_sentence(RERUN):
        if only_print:
            print_config(config, given or [])
            return
        need_pipeline()
        from pipeline.config.load_to_train import load_to_train

        loaded = load_to_train(config, given or [])
        summary = run(loaded, not fresh, wait, as_json)
        if not as_json:
            from diptych.cli.run.outcome import print_next_steps

            print_next_steps(config, loaded, summary)
    raise typer.Exit(0 if summary.shipped else REFUSED)


def run(
    config: "RunConfig", use_cache: bool = True, wait: bool = False, as_json: bool = False
) -> "Summary":
    """Run the pipeline in this process, print its progress and its outcome.

    Args:
        config: of the run.
        use_cache: take the outputs of a node from the cache where it has them.
        wait: wait until another command in the workspace has ended.
        as_json: print events as JSON for a program, see `pipeline.local.events`.

    Raises:
        InputError: another command works in the workspace.
        RunFailedError: a node failed; the release that serves stays.
        Interrupted: SIGINT or SIGTERM came.
    """
    from diptych.cli.run.outcome import RunOutcome
    from pipeline.console.terminal import complain, tell
    from pipeline.local import disks
    from pipeline.local.run_logs import logs_of
    from pipeline.local.session import open_session
    from pipeline.process.stopping import Interrupted
    from pipeline.process.workspace_lock import locked
    from schema.errors import RunFailedError

    workspace = Path(config.workspace)
    with (
        disks.of_run(config),
        locked(workspace, "run", wait, complain if as_json else tell),
        open_session(config.name, logs_of(config), as_events=as_json) as here,
    ):
        outcome = RunOutcome(here, config)
        outcome.warn(config.warnings())
        try:
            _, outputs = here.run(workspace, lambda: _build(config, use_cache))
        except RunFailedError as error:
            outcome.end_early("failed", f"failed: {error}", error.outputs)
            raise
        except Interrupted as stopped:
            outcome.end_early("stopped", str(stopped), {})
            raise
        return outcome.end(outputs)


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
