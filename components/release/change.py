"""One change of the releases: whole, or not at all, whenever this process dies.

The intention is written first, then the files move, then the audit log says that they did, then
the intention goes. Whoever comes next finds an intention that was left, looks at whether the files
have moved, and finishes or forgets it.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from components.release.files import manifest
from components.release.files.atomic_files import atomic_write, flush, not_written, read_plain
from components.release.files.release_folders import ReleaseFolders
from components.release.log import audit_log
from components.release.log.audit_event import SERVING, Event
from schema.errors import UnavailableError

FILE = "change.json"


def make(
    folder: Path,
    folders: ReleaseFolders,
    event: Event,
    move: Callable[[], None],
    back: Callable[[], None],
) -> None:
    """Make a change; the store's lock is held.

    Args:
        folder: of the store.
        folders: of its releases.
        event: what the audit log will say.
        move: has the files move, in one step.
        back: takes that back.

    Raises:
        InputError: a file could not be written; nothing has changed, or the message says what has.
    """
    intention = folder / FILE
    try:
        atomic_write(intention, event.model_dump_json() + "\n")
    except OSError as error:
        raise not_written(intention, error) from error
    failed = folder / audit_log.FILE
    try:
        try:
            move()
        except OSError as error:
            failed = Path(error.filename2 or error.filename or folder)
            raise
        audit_log.append(folder, event)
    except OSError as error:
        sentence = not_written(failed, error)
        try:
            if _has_moved(event, folders):
                back()
        except OSError:
            raise UnavailableError(
                f"{sentence}; {_moved(event)}, and the next command here records that"
            ) from error
        _forget(intention)
        raise sentence from error
    _forget(intention)


def unfinished(folder: Path, folders: ReleaseFolders) -> Event | None:
    """Return the change whose files have moved and which the audit log does not have yet."""
    event = _read(folder / FILE)
    if event is None or not _has_moved(event, folders):
        return None
    return None if event.id in {e.id for e in audit_log.read(folder).events} else event


def finish(folder: Path, folders: ReleaseFolders) -> None:
    """Finish or forget what a killed process has begun; the store's lock is held."""
    intention = folder / FILE
    if not intention.exists():
        return
    event = unfinished(folder, folders)
    try:
        if event is not None:
            audit_log.append(folder, event)
        intention.unlink()
        flush(folder)
    except OSError as error:
        raise not_written(Path(error.filename or folder / audit_log.FILE), error) from error


def _read(intention: Path) -> Event | None:
    try:
        return Event.model_validate_json(read_plain(intention))
    except (OSError, ValidationError):  # it is written in one step: whoever spoilt it was not us
        return None


def _has_moved(event: Event, folders: ReleaseFolders) -> bool:
    if event.action in SERVING:
        return folders.serving() == event.release
    if event.release is None:
        return False
    if event.action == "pruned":
        return not folders.is_there(event.release)
    written = folders.path(event.release) / manifest.FILE
    return written.is_file() and manifest.digest(written) == event.manifest


def _moved(event: Event) -> str:
    if event.action in SERVING:
        return f"release {event.release} serves nonetheless"
    what = "removed" if event.action == "pruned" else "there"
    return f"release {event.release} is {what} nonetheless"


def _forget(intention: Path) -> None:
    """Remove an intention; where that fails, whoever comes next sees that nothing is left to do."""
    with contextlib.suppress(OSError):
        intention.unlink(missing_ok=True)
