"""`diptych keys`: what a config may hold, the keys of plugins among it."""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from diptych.cli.command import BAD_CONFIG, one_sentence
from pipeline.console.terminal import complain

ConfigOrNone = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="a config whose plugins are included", readable=False),
]
_LINK = re.compile(r"\[([^\]]*)\]\(#[^)]*\)")


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
        known = entries()
        shown = [e for e in known if not key or e.path == key or e.path.startswith(f"{key}.")]
        if not shown:
            close = _closest(key, [entry.path for entry in known])
            complain(f"{key} is not a key of the config{close or '; `diptych keys` lists all'}")
            raise typer.Exit(BAD_CONFIG)
        console = make_console()
        kind = ""
        for entry in shown:
            if entry.kind != kind and entry.kind:
                say(console, f"{entry.path.rpartition('.')[0]} with {entry.kind}", "bold")
            kind = entry.kind
            default = f"default {entry.default}" if entry.default != "required" else "required"
            value = f"{entry.value}, {default}" if entry.default else entry.value
            say(console, _plain(f"{entry.path}: {value}"))
            if entry.meaning:
                say(console, f"    {_plain(entry.meaning)}", "dim")


def _plain(markdown: str) -> str:
    """Return a cell of the reference without its links and backticks."""
    return _LINK.sub(r"\1", markdown).replace("`", "")


def _closest(key: str, paths: Sequence[str]) -> str:
    """Suggest a key: one with the same last part in another section, or the most similar one."""
    last = [path for path in dict.fromkeys(paths) if path.rpartition(".")[2] == key]
    close = last or difflib.get_close_matches(key, paths, 1)
    return f"; did you mean {' or '.join(close[:3])}?" if close else ""
