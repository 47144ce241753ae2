"""`diptych kubeflow ...`, and the whole `diptych` command: this package knows all the others."""

import typer

from kubeflow import run_commands, schedule_commands
from kubeflow.compile_commands import check, compile_
from kubeflow.rehearse_command import rehearse
from pipeline import process, quarantine_commands
from pipeline.cli import app

commands = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
commands.command("compile")(compile_)
commands.command()(check)
commands.command()(rehearse)
commands.command()(run_commands.submit)
commands.add_typer(schedule_commands.schedule, name="schedule")
app.add_typer(
    commands, name="kubeflow", help="The same pipeline on Kubeflow Pipelines, every night."
)


app.add_typer(
    quarantine_commands.commands, name="quarantine", help="The records that a run did not use."
)


def main() -> None:
    """Run the console script."""
    process.prepare()
    with process.output_written():
        app()
