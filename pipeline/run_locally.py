"""What `diptych run` does: check, run, show, sum up."""

import datetime
import logging
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from components.evaluation.names import STATISTICS
from pipeline.config import RunConfig
from pipeline.display import Display, Listener, choose, duration
from pipeline.quiet import output_to
from pipeline.summary import Summary, summarize, table
from schema.errors import sentence_for_people


class RunFailedError(Exception):
    """The run ended early; the message is one sentence and names the log."""


def run(config: RunConfig, use_cache: bool = True) -> Summary:
    """Run the pipeline in this process and print how it goes and what came out.

    Raises:
        RunFailedError: a node failed; the last good release is as it was.
    """
    workspace = Path(config.workspace)
    started = datetime.datetime.now()
    log = workspace / "logs" / f"{started:%Y-%m-%dT%H-%M-%S}.log"
    live = sys.stdout.isatty()
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFailedError(f"{log.parent}: cannot be written: {error.strerror}") from error
    with output_to(log) as terminal:
        console = Console(file=terminal, force_terminal=live)
        console.print(f"{config.name}: log of this run in {log}", highlight=False, soft_wrap=True)
        display = choose(terminal, console)
        summary = _run(config, workspace, use_cache, display, log)
        _print(summary, console)
        took = (datetime.datetime.now() - started).total_seconds()
        console.print(f"took {duration(took)}", highlight=False)
    return summary


def _run(
    config: RunConfig, workspace: Path, use_cache: bool, display: Display, log: Path
) -> Summary:
    node = "set-up"
    # TFX hands the arguments of this process on to Beam, which has no use for ours.
    arguments, sys.argv = sys.argv, sys.argv[:1]

    def listen(node_id: str, state: str) -> None:
        nonlocal node
        node = node_id
        display.node(node_id, state)

    with display, Listener(display.progress):
        try:
            listen("set-up", "started")
            from pipeline import local_runner
            from pipeline.create_pipeline import create_pipeline

            built = create_pipeline(config, str(workspace / "artifacts"), use_cache)
            listen("set-up", "ran")
            _, outputs = local_runner.run(built, workspace, listen)
            return summarize(outputs, config.evaluation.gates)
        except Exception as error:
            display.node(node, "failed")
            logging.getLogger(__name__).exception("%s failed", node)
            raise RunFailedError(_sentence(node, error, log)) from error
        finally:
            sys.argv = arguments


def _sentence(node: str, error: Exception, log: Path) -> str:
    known = sentence_for_people(error)
    if known:
        return f"{node}: {known}"
    lines = str(error).strip().splitlines() or [""]
    return f"{node} failed with {type(error).__name__}: {lines[-1][:300]} (traceback in {log})"


def _print(summary: Summary, console: Console) -> None:
    console.print()
    style = "bold green" if summary.shipped else "bold red"
    console.print(summary.verdict, style=style, highlight=False, soft_wrap=True)
    drawn = Table(box=None, header_style="dim")
    drawn.add_column("all queries")
    for statistic in STATISTICS:
        drawn.add_column(statistic.replace("_at_", "@").replace("_", " "), justify="right")
    for row in table(summary.overall):
        drawn.add_row(*row)
    console.print(drawn)
