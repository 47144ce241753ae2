"""`diptych kubeflow ...`, and the whole `diptych` command: this package knows all the others."""

import typer

from pipeline.cli import app

commands = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(
    commands, name="kubeflow", help="The same pipeline on Kubeflow Pipelines, every night."
)


@commands.callback()
def _group() -> None:
    """Keeps `kubeflow` a group, however few commands it has."""


def main() -> None:
    """Entry point of the console script."""
    app()
