"""`diptych promote` and `diptych rollback`: change which release serves."""

from typing import TYPE_CHECKING, Annotated

import typer

from diptych.cli.command import (
    HERE,
    REFUSED,
    SEE_RELEASES,
    ConfigFile,
    OnCluster,
    one_sentence,
)
from pipeline.console.terminal import complain

if TYPE_CHECKING:
    from components.release.store import ReleaseStore
    from pipeline.config.run_config import RunConfig

AGREES = "the registry agrees"  # which takes MLflow some seconds

Reason = Annotated[str, typer.Option(help="kept in the audit log")]


def promote_command(
    number: Annotated[int, typer.Argument(help="of the release")],
    config: ConfigFile = HERE,
    on_cluster: OnCluster = False,
    force: Annotated[bool, typer.Option(help="against its gates; needs --reason")] = False,
    reason: Reason = "",
) -> None:
    """Make a release the champion.

    Exit codes: 0 it serves now, 1 it cannot be served, 3 its gates refuse it.
    """
    with one_sentence(SEE_RELEASES):
        from components.release.gates import RefusedError
        from pipeline.config.run_config import load

        try:
            promote(load(config, on_cluster), number, force, reason)
        except RefusedError as error:
            complain(f"not promoted: {error}")
            complain(f'`diptych promote {number} --force --reason "..."` does it nonetheless')
            raise typer.Exit(REFUSED) from None


def rollback_command(
    config: ConfigFile = HERE, on_cluster: OnCluster = False, reason: Reason = ""
) -> None:
    """Return to the champion before this one."""
    with one_sentence(SEE_RELEASES):
        from pipeline.config.run_config import load

        rollback(load(config, on_cluster), reason)


def print_line(line: str, style: str = "") -> None:
    """Print a line to the terminal."""
    from pipeline.console.terminal import make_console, say

    say(make_console(), line, style)


def open_to_change(config: "RunConfig") -> "ReleaseStore":
    """Open the store of releases that exist.

    Raises:
        InputError: there are none; a misspelt `push.path` makes no folder.
    """
    from components.release.store import open_store
    from schema.errors import InputError

    store = open_store(config.model_dump())
    if not store.folders.names():
        raise InputError(f"{store.folders.releases}: holds no releases; see push.path")
    return store


def promote(config: "RunConfig", number: int, force: bool, reason: str) -> None:
    """Make a release the champion; `force` needs a reason.

    Raises:
        InputError: the release cannot be served, or there is no reason.
        RefusedError: its gates refuse it, and it is not forced.
    """
    from schema.errors import InputError

    if force and not reason.strip():
        raise InputError("--force needs a --reason, which is kept in the audit log")

    def switched(moved: bool) -> None:
        print_line(f"release {number} serves {'now' if moved else 'already'}", "bold green" * moved)

    open_to_change(config).promote(number, reason=reason, forced=force, switched=switched)
    print_line(AGREES)


def rollback(config: "RunConfig", reason: str) -> None:
    """Return to the champion before this one, and print so as soon as serving was switched."""

    def switched(number: int) -> None:
        print_line(f"release {number} serves again", "bold green")

    open_to_change(config).rollback(reason, switched)
    print_line(AGREES)
