"""`diptych keys`: what a config may hold, the keys of plugins among it."""

from pathlib import Path
from typing import Annotated

import typer

from diptych.cli.command import BAD_CONFIG, one_sentence
from pipeline.console.terminal import complain

ConfigOrNone = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="a config whose plugins are included", readable=False),
]


def keys_command(
    key: Annotated[str, typer.Argument(help="a key or section, such as loss; default: all")] = "",
    config: ConfigOrNone = None,
) -> None:
    """Explain the keys of a config, with their values and defaults."""
    with one_sentence():
        from pipeline.config.reference import entries
        from pipeline.config.run_config import load
        from pipeline.console.terminal import make_console, say

        if config is not None:
            load(config)
        shown = [e for e in entries() if not key or e.path == key or e.path.startswith(f"{key}.")]
        if not shown:
            complain(f"{key} is not a key of the config; `diptych keys` lists all")
            raise typer.Exit(BAD_CONFIG)
        console = make_console()
        kind = ""
        for entry in shown:
            if entry.kind != kind and entry.kind:
                say(console, f"{entry.path.rpartition('.')[0]} with {entry.kind}", "bold")
            kind = entry.kind
            default = f", default {entry.default}" if entry.default != "required" else ", required"
            said = default if entry.default else ""
            say(console, f"{entry.path}: {entry.value}{said}".replace("`", ""))
            if entry.meaning:
                say(console, f"    {entry.meaning}", "dim")
