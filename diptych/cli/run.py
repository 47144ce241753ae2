"""What `diptych run` does: run, sum up, keep the verdict."""

import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from components.evaluator.metrics import token_metrics
from components.release.store import open_store
from pipeline.config.run_config import RunConfig
from pipeline.console.rich_console import Console
from pipeline.console.summary import Summary, of_local_run, record
from pipeline.console.tables import print_report
from pipeline.console.terminal import say
from pipeline.local import disks
from pipeline.local.run_logs import logs_of
from pipeline.local.session import Outputs, RunFailedError, session
from pipeline.process.stopping import Interrupted
from pipeline.process.workspace_lock import locked
from schema.system import file_errors
from trainer.config.config_warnings import config_warnings

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline


def run(config: RunConfig, use_cache: bool = True, wait: bool = False) -> Summary:
    """Run the pipeline in this process and print how it goes and what came out.

    Args:
        config: the run.
        use_cache: repeat no node that the cache knows.
        wait: until another command in the workspace has ended.

    Raises:
        InputError: another command works in the workspace.
        RunFailedError: a node failed; what serves is as it was.
        stopping.Interrupted: SIGINT or SIGTERM came.
    """
    workspace = Path(config.workspace)

    def build() -> "Pipeline":
        from pipeline.create_pipeline import create_pipeline

        # Asked before anything is trained: whether the registry answers, and who serves by it.
        store = open_store(config.model_dump())
        store.reconcile()
        lost = store.lost()
        return create_pipeline(
            config,
            str(workspace / "artifacts"),
            use_cache,
            lost,
            str(workspace / "checkpoints"),
        )

    with (
        disks.of_run(config),
        locked(workspace, "run", wait),
        session(config.name, logs_of(config)) as here,
    ):
        kept = here.log.with_suffix(".json")
        print_warnings(config_warnings(config), [], here.console)
        try:
            outcomes, outputs = here.run(workspace, build)
        except RunFailedError as error:
            keep(kept, record(None, f"failed: {error}", {}, error.outputs), here.console)
            raise
        except Interrupted as stopped:
            keep(kept, record(None, str(stopped), {}, {}), here.console)
            raise
        summary = of_local_run(outputs)
        keep(kept, record(summary, summary.verdict, outcomes, outputs), here.console)
        print_summary(summary, here.console)
        say(here.console, how_to_see_the_curves(outputs))
    return summary


def keep(file: Path, text: str, console: Console) -> None:
    """Write the record of a run; where that fails, how the run ended stays as it is."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        reason = file_errors.sentence(error) or f"{file}: {error}"
        print_warnings([f"the record of this run is lost: {reason}"], [], console)


def how_to_see_the_curves(outputs: Outputs) -> str:
    """The command that shows how training went."""
    [curves] = outputs["Trainer"]["model_run"]
    program = Path(sys.executable).with_name("tensorboard")
    return f"curves of the training: {shlex.join([str(program), '--logdir', curves.uri])}"


def print_summary(summary: Summary, console: Console) -> None:
    """The verdict first, then each gate, then the metrics."""
    console.print()
    style = "bold green" if summary.shipped else "bold red"
    say(console, summary.verdict, style)
    for gate in summary.gates:
        print_gate(gate.passed, gate.sentence, console)
    print_warnings(summary.warnings, summary.notes, console)
    print_report(summary.evaluation, console)
    say(console, token_metrics.sentence(summary.results[()]))


def print_gate(passed: bool, sentence: str, console: Console) -> None:
    """A line for a gate, with a mark."""
    style = "" if passed else "red"
    say(console, f"  {'✓' if passed else '✗'} {sentence}", style)


def print_warnings(warnings: Iterable[str], notes: Iterable[str], console: Console) -> None:
    """A line for each: what is wrong with the data, then what could not be looked at."""
    for mark, style, lines in (("!", "yellow", warnings), ("-", "dim", notes)):
        for line in lines:
            say(console, f"  {mark} {line}", style)
