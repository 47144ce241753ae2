"""`diptych kubeflow ...`, and the whole `diptych` command: this package knows all the others."""

import sys
from typing import Any

import typer

from diptych.cli import quarantine
from diptych.cli.commands import INTERRUPTED, app
from diptych.cli.kubeflow import schedule, submit
from diptych.cli.kubeflow.compile import check, compile_
from diptych.cli.kubeflow.dry_run import dry_run
from pipeline.console.terminal import complain_of_mistake
from pipeline.process import process_setup
from schema.system.log_records import make_safe
from schema.text.untrusted_text import for_people

commands = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
commands.command("compile")(compile_)
commands.command()(check)
commands.command("dry-run")(dry_run)
commands.command()(submit.submit)
commands.add_typer(schedule.schedule, name="schedule")
app.add_typer(
    commands, name="kubeflow", help="The same pipeline on Kubeflow Pipelines, every night."
)


app.add_typer(quarantine.commands, name="quarantine", help="The records that a run did not use.")


def main() -> None:
    """Run the console script."""
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
    sys.exit(code)


def _complain_of_usage(error: Any) -> int:
    """Print Typer's sentence about a command line, with parts of it; returns the exit code."""
    if error.ctx is None or error.message != error.ctx.get_help():
        error.message = for_people(error.message)
    error.show()
    return int(error.exit_code)
