"""Whether the audit log and models.config agree, so that a change may build on them."""

from pathlib import Path

from components.release import change
from components.release.decision import described
from components.release.files import atomic_files, model_config_file
from components.release.files.release_folders import ReleaseFolders
from components.release.log import audit_log
from components.release.log.audit_log import AuditLog
from schema.errors import InputError

REPAIR = "`diptych releases repair` has the log agree with what serves"


def believed(folder: Path, folders: ReleaseFolders) -> AuditLog:
    """Return the audit log, and have models.config say the same; the store's lock is held.

    Raises:
        InputError: the two differ, one is damaged or of another pipeline; says what to do.
    """
    for problem in problems(folder, folders):
        raise InputError(problem)
    log, path = audit_log.read(folder), folder / audit_log.FILE
    if not path.exists():
        path.touch()
        atomic_files.flush(folder)
    if log.champion is not None:
        folders.serve(log.champion)  # it may be missing, or name the folder's old place
    return log


def problems(folder: Path, folders: ReleaseFolders) -> list[str]:
    """Return what stands in the way of any change, a sentence each with what to do about it."""
    path, served = folder / audit_log.FILE, folder / model_config_file.FILE
    try:
        log, serving, name = audit_log.read(folder), folders.serving(), folders.serving_name()
    except InputError as error:
        return [str(error)]
    if name not in (None, folders.pipeline):
        return [
            f"{served}: serves the models of {name}, and this config is named {folders.pipeline}; "
            "give it a push.path of its own, or, if the pipeline was renamed, delete that file"
        ]
    if not log.events and not log.damaged and (serving is not None or folders.numbers()):
        lost = "is empty" if path.exists() else "is missing"
        return [f"{path}: {lost}, although there are releases; {REPAIR}"]
    if log.damaged:
        return [*log.damaged[:-1], f"{log.damaged[-1]}; {REPAIR}"]
    begun = change.unfinished(folder, folders)
    if serving not in (log.champion, None) and begun is None:
        return [
            f"{served}: names release {serving}, and the audit log says that "
            f"{described(log.champion)} serves; {REPAIR}"
        ]
    return []
