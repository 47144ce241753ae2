"""The `diptych` command. Heavy imports happen inside commands, so `--help` answers at once."""

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # Rich would take longer to import than the whole answer takes
    pretty_exceptions_enable=False,
    help="Train an image tower and a text tower together, gate the pair, and ship it.",
)

FAILED, BAD_CONFIG, REFUSED, INTERRUPTED = 1, 2, 3, 130


@app.callback()
def _group() -> None:
    """Keep `run` a command of its own while it is the only one."""


@app.command()
def run(
    config: Annotated[Path, typer.Argument(help="the YAML file that describes the run")],
    fresh: Annotated[bool, typer.Option(help="run every node, whatever the cache holds")] = False,
) -> None:
    """Run the pipeline on this machine.

    Exit codes: 0 shipped, 1 the run failed, 2 the config is bad, 3 a gate refused the model.
    """
    from pipeline import run_locally
    from pipeline.config import ConfigError, load

    try:
        summary = run_locally.run(load(config), use_cache=not fresh)
    except ConfigError as error:
        print(f"diptych: {error}", file=sys.stderr)
        raise typer.Exit(BAD_CONFIG) from None
    except run_locally.RunFailedError as error:
        print(f"diptych: {error}", file=sys.stderr)
        raise typer.Exit(FAILED) from None
    except KeyboardInterrupt:
        print("diptych: stopped; a rerun continues after the last finished node", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    raise typer.Exit(0 if summary.shipped else REFUSED)


def main() -> None:
    """Entry point of the console script."""
    app()
