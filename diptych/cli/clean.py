"""`diptych clean`: remove from the workspace what no rerun needs."""

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from diptych.cli.command import AGAIN, HERE, ConfigFile, Wait, one_sentence

if TYPE_CHECKING:
    from pipeline.config.run_config import RunConfig


def clean_command(
    config: ConfigFile = HERE,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="only print what would be removed")
    ] = False,
    wait: Wait = False,
) -> None:
    """Remove what no rerun needs from the workspace.

    These are incomplete and outdated artifacts, and scratch folders of ended processes. Releases,
    logs, and the checkpoints that a rerun continues from stay.
    """
    with one_sentence(AGAIN):
        from pipeline.config.run_config import load

        clean(load(config), dry_run, wait)


def clean(config: "RunConfig", dry_run: bool, wait: bool) -> None:
    """Remove half and outdated artifacts and scratch folders, and print their sizes.

    Args:
        config: of the workspace.
        dry_run: only print.
        wait: wait until another command in the workspace has ended.

    Raises:
        InputError: a run works in the workspace, or nothing can be written there.
    """
    from pipeline.console.terminal import make_console, say
    from pipeline.local import clean as workspace_clean
    from pipeline.local.clean import Superfluous
    from pipeline.process import temporary_folder
    from pipeline.process.workspace_lock import locked
    from schema.text.messages import number_of

    console, workspace = make_console(), Path(config.workspace)
    with locked(workspace, "clean", wait, lambda line: say(console, line)):
        scratch = [
            Superfluous(folder, "of a process that was killed")
            for folder in temporary_folder.abandoned()
        ]
        artifacts = [*workspace_clean.half(workspace), *workspace_clean.outdated(workspace)]
        everything = sorted([*artifacts, *scratch], key=lambda item: item.why)
        sizes = {item.path: item.size for item in everything}
        for why, group in itertools.groupby(everything, lambda item: item.why):
            paths = [item.path for item in group]
            total = sum(sizes[path] for path in paths)
            say(console, f"{why}: {number_of(len(paths), 'folder')}, {in_bytes(total)}")
            for path in paths:
                say(console, f"  {in_bytes(sizes[path]):>9}  {path}", "dim")
        if not dry_run:
            workspace_clean.remove(artifacts, workspace)
            workspace_clean.forget_outdated(workspace)
            temporary_folder.remove(item.path for item in scratch)
        verb = "would be removed" if dry_run else "removed"
        say(console, f"{verb}: {in_bytes(sum(sizes.values()))}")


def in_bytes(count: int) -> str:
    """Format a number of bytes in decimal units: '12.3 MB'."""
    value, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while value >= 999.5 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.3g} {units[0]}"
