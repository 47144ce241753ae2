"""Changes of the releases that are whole or not there, whenever this process dies.

The intention is written first, then the files move, then the audit log records it, then the
intention is removed. The next process that locks the store looks at an intention that was left,
sees whether the files have moved, and completes or forgets the change.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from components.release import audit_log
from components.release.audit_log import SERVING, AuditLog, Event
from components.release.files import atomic_files, model_config_file
from components.release.files.atomic_files import atomic_write, not_written, read_plain
from components.release.files.release_folders import ReleaseFolders
from components.release.gates import described
from schema.errors import InputError, UnavailableError

FILE = "change.json"
REPAIR = "`diptych releases repair` makes the audit log agree with what serves"


def commit(
    folder: Path,
    folders: ReleaseFolders,
    event: Event,
    move: Callable[[], None],
    undo: Callable[[], None],
) -> None:
    """Make a change; the store is locked.

    Args:
        folder: of the store.
        folders: of its releases.
        event: what the audit log will say.
        move: moves the files, in one step.
        undo: moves them back.

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
        reason = not_written(failed, error)
        try:
            if _has_moved(event, folders):
                undo()
        except OSError:
            raise UnavailableError(
                f"{reason}; {_state_after(event)}, and the next command for these releases "
                "records that"
            ) from error
        _forget(intention)
        raise reason from error
    _forget(intention)


def complete(folder: Path, folders: ReleaseFolders) -> None:
    """Complete or forget the change that a killed process has left; the store is locked."""
    intention = folder / FILE
    if not intention.exists():
        return
    event = _unrecorded(folder, folders)
    try:
        if event is not None:
            audit_log.append(folder, event)
        atomic_files.remove(intention)
    except OSError as error:
        raise not_written(Path(error.filename or folder / audit_log.FILE), error) from error


def agreed_log(folder: Path, folders: ReleaseFolders) -> AuditLog:
    """Return the audit log, and make models.config agree with it; the store is locked.

    Raises:
        InputError: the two differ, one is damaged or of another pipeline; says what to do.
    """
    for problem in problems(folder, folders):
        raise InputError(problem)
    log, path = audit_log.read(folder), folder / audit_log.FILE
    if not path.exists():
        atomic_files.create(path)
    if log.champion is not None:
        folders.serve(log.champion)  # it may be missing, or name the folder's old place
    return log


def problems(folder: Path, folders: ReleaseFolders) -> list[str]:
    """Return why the releases cannot be changed, one sentence each with what to do about it."""
    path, served = folder / audit_log.FILE, folder / model_config_file.FILE
    try:
        log, serving, name = audit_log.read(folder), folders.serving(), folders.serving_name()
    except InputError as error:
        return [str(error)]
    if name not in (None, folders.pipeline):
        return [
            f"{served}: serves the models of {name}, and this config is named {folders.pipeline}; "
            "give this config its own push.path, or, if the pipeline was renamed, delete that file"
        ]
    if not log.events and not log.damaged and (serving is not None or folders.numbers()):
        lost = "is empty" if path.exists() else "is missing"
        return [f"{path}: {lost}, although there are releases; {REPAIR}"]
    if log.damaged:
        return [*log.damaged[:-1], f"{log.damaged[-1]}; {REPAIR}"]
    if serving not in (log.champion, None) and _unrecorded(folder, folders) is None:
        return [
            f"{served}: names release {serving}, and the audit log says that "
            f"{described(log.champion)} serves; {REPAIR}"
        ]
    return []


def _unrecorded(folder: Path, folders: ReleaseFolders) -> Event | None:
    """Return the change whose files have moved and which the audit log does not have yet."""
    event = _read(folder / FILE)
    if event is None or not _has_moved(event, folders):
        return None
    return None if event.id in {e.id for e in audit_log.read(folder).events} else event


def _read(intention: Path) -> Event | None:
    try:
        return Event.model_validate_json(read_plain(intention))
    except (OSError, ValidationError):  # it is written in one step, so somebody else damaged it
        return None


def _has_moved(event: Event, folders: ReleaseFolders) -> bool:
    if event.action in SERVING:
        return folders.serving() == event.release
    if event.release is None:
        return False
    if event.action == "pruned":
        return not folders.is_there(event.release)
    return folders.manifest_digest(event.release) == event.manifest


def _state_after(event: Event) -> str:
    if event.action in SERVING:
        return f"release {event.release} serves all the same"
    what = "removed" if event.action == "pruned" else "there"
    return f"release {event.release} is {what} all the same"


def _forget(intention: Path) -> None:
    """Remove an intention; where that fails, the next process sees that nothing is left to do."""
    with contextlib.suppress(OSError):
        intention.unlink(missing_ok=True)
