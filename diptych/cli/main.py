"""The `diptych` command: register every subcommand, and run."""

import atexit
import contextlib
import os
import sys
from typing import Annotated, Any

import typer

from diptych.cli import champion, quarantine, releases
from diptych.cli.check.command import check_command as check_data
from diptych.cli.clean import clean_command
from diptych.cli.command import INTERRUPTED
from diptych.cli.evaluate import evaluate_command
from diptych.cli.keys import keys_command
from diptych.cli.kubeflow import schedule
from diptych.cli.kubeflow.compile import check_command, compile_command
from diptych.cli.kubeflow.dry_run import dry_run_command
from diptych.cli.kubeflow.submit import submit_command
from diptych.cli.quarantine_retry import retry_command
from diptych.cli.report import report_command
from diptych.cli.run.command import run_command
from diptych.cli.search import search_command
from diptych.cli.start.doctor import doctor_command
from diptych.cli.start.init import init_command
from diptych.cli.why import why_command
from pipeline.console.terminal import complain_of_mistake, tell
from pipeline.process import process_setup
from schema.system.log_records import make_safe
from schema.text.untrusted_text import for_people

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,  # importing Rich would take longer than the whole answer
    pretty_exceptions_enable=False,
    help="Train an image tower and a text tower together, gate, release and roll back.",
)


@app.callback(invoke_without_command=True)
def version_option(
    shown: Annotated[bool, typer.Option("--version", help="print the version and exit")] = False,
) -> None:
    """Handle the options that belong to no command, such as --version."""
    if shown:
        from importlib.metadata import version

        tell(f"diptych {version('diptych')}")
        raise typer.Exit()


app.command("init")(init_command)
app.command("run")(run_command)
app.command("check")(check_data)
app.command("keys")(keys_command)
app.command("clean")(clean_command)
app.command("evaluate")(evaluate_command)
app.command("search")(search_command)
app.add_typer(releases.commands, name="releases", invoke_without_command=True)
app.command("promote")(champion.promote_command)
app.command("rollback")(champion.rollback_command)
app.command("why")(why_command)
app.command("doctor")(doctor_command)
app.command("report")(report_command)

on_kubeflow = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
on_kubeflow.command("compile")(compile_command)
on_kubeflow.command("check")(check_command)
on_kubeflow.command("dry-run")(dry_run_command)
on_kubeflow.command("submit")(submit_command)
on_kubeflow.add_typer(schedule.commands, name="schedule")
app.add_typer(
    on_kubeflow,
    name="kubeflow",
    help="Run the same pipeline on Kubeflow Pipelines.",
)

of_quarantine = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
of_quarantine.command("list")(quarantine.list_command)
of_quarantine.command("retry")(retry_command)
app.add_typer(of_quarantine, name="quarantine", help="Show the records that a run did not use.")


def main() -> None:
    """Run the console script."""
    ended: list[int] = []
    atexit.register(_end_at_once, ended)  # the first, so that Python calls it last
    process_setup.prepare()
    make_safe()
    sys.excepthook = complain_of_mistake
    with process_setup.output_written():
        try:
            code = app(standalone_mode=False)
        except typer.Abort:
            sys.exit(INTERRUPTED)
        except Exception as error:
            if not hasattr(error, "format_message"):
                raise
            sys.exit(_complain_of_usage(error))
    ended.append(code or 0)
    sys.exit(code)


def _end_at_once(ended: list[int]) -> None:
    """End the process once all else is done: taking TensorFlow apart takes two seconds more.

    Whoever measures coverage writes its file later still.
    """
    if ended and "coverage" not in sys.modules:
        with contextlib.suppress(OSError, ValueError):  # a stream that is closed or full
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(ended[0])


def _complain_of_usage(error: Any) -> int:
    """Print Typer's message about a bad command line, made safe for a terminal; return the code."""
    if error.ctx is None or error.message != error.ctx.get_help():
        error.message = for_people(error.message)
    error.show()
    return int(error.exit_code)
