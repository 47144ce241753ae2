"""What `diptych clean` does: remove from the workspace what no rerun needs, and say what."""

import itertools
from pathlib import Path

from pipeline.config.run_config import RunConfig
from pipeline.console.terminal import make_console, say
from pipeline.process.workspace_lock import locked
from schema.text.messages import number_of


def clean(config: RunConfig, dry_run: bool, wait: bool) -> None:
    """Remove half and outdated artifacts and scratch folders, and print their sizes.

    Args:
        config: whose workspace.
        dry_run: only print.
        wait: until a run in the workspace has ended.

    Raises:
        InputError: a run works in the workspace, or nothing can be written there.
    """
    from pipeline.local import clean as workspace_clean
    from pipeline.local.clean import Superfluous
    from pipeline.process import temporary_folder

    console, workspace = make_console(), Path(config.workspace)
    with locked(workspace, "clean", wait, lambda line: say(console, line)):
        left = [
            Superfluous(each, "of a process that was killed")
            for each in temporary_folder.abandoned()
        ]
        found = [*workspace_clean.half(workspace), *workspace_clean.outdated(workspace)]
        everything = [*found, *left]
        sizes = {each.path: each.size for each in everything}
        everything.sort(key=lambda each: each.why)
        for why, group in itertools.groupby(everything, lambda each: each.why):
            paths = [each.path for each in group]
            total = sum(sizes[path] for path in paths)
            say(console, f"{why}: {number_of(len(paths), 'folder')}, {in_bytes(total)}")
            for path in paths:
                say(console, f"  {in_bytes(sizes[path]):>9}  {path}", "dim")
        if not dry_run:
            workspace_clean.remove(found, workspace)
            workspace_clean.forget_outdated(workspace)
            temporary_folder.remove(each.path for each in left)
        verb = "would be removed" if dry_run else "removed"
        say(console, f"{verb}: {in_bytes(sum(sizes.values()))}")


def in_bytes(count: int) -> str:
    """Write a number of bytes in decimal units: '12.3 MB'."""
    value, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while value >= 999.5 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.3g} {units[0]}"
