"""Errors of MLflow and of its connection, as one sentence that says what to do."""

import re

from schema.errors import InputError, UnavailableError

REBUILD = "`diptych releases rebuild-registry` records the releases there again"
_AWAY = ("TEMPORARILY_UNAVAILABLE", "INTERNAL_ERROR", "DEADLINE_EXCEEDED", "REQUEST_LIMIT_EXCEEDED")
_STATUS = re.compile(r"too many (\d{3}) error responses|failed with error code (5\d\d) != ")
_NOT_MLFLOW = (
    "answers, but not as MLflow does; either registry.uri names something else, or a proxy or a "
    "sign-in page answers in its place"
)


def is_missing(error: Exception) -> bool:
    """Say whether MLflow itself, not a proxy before it, answered that something does not exist."""
    return getattr(error, "error_code", None) == "RESOURCE_DOES_NOT_EXIST"


def readable(  # noqa: PLR0911  one return per kind of error
    error: Exception, shown: str, name: str
) -> InputError:
    """Return the error that people are shown for one of MLflow.

    Args:
        error: what MLflow raised.
        shown: the registry's address without secrets.
        name: of the registered model and of its experiment.
    """
    here, code = f"registry {shown}:", getattr(error, "error_code", None)
    text = " ".join(str(error).split()) or type(error).__name__
    if code == "UNAUTHENTICATED":
        return InputError(
            f"{here} does not accept the user name and the password; set MLFLOW_TRACKING_USERNAME "
            "and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        )
    if code == "PERMISSION_DENIED":
        return InputError(
            f"{here} does not let this user write; it needs the permission MANAGE for the "
            f"registered model {name} and the experiment {name}"
        )
    status = _STATUS.search(text)
    if status:
        return UnavailableError(f"{here} answers with the error {status[1] or status[2]}")
    if code == "ENDPOINT_NOT_FOUND" or "not in a valid JSON format" in text:
        return UnavailableError(f"{here} {_NOT_MLFLOW}")
    if isinstance(error, TimeoutError):
        return UnavailableError(f"{here} does not answer: {text}")
    if "Max retries exceeded" in text or "failed with exception" in text:
        return UnavailableError(f"{here} does not answer: {_connection_error(error)}")
    driver = getattr(error, "orig", None)
    if driver is not None or "(psycopg" in text or "sqlalche.me" in text:
        return UnavailableError(f"{here} {_database_error(text)}")
    return (UnavailableError if code in (None, *_AWAY) else InputError)(f"{here} {text[:300]}")


def driver_message(error: Exception) -> str:
    """Return the first line of a database driver's own message, without SQLAlchemy's."""
    cause = getattr(error, "orig", None) or error
    lines = str(cause).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]


def _connection_error(error: Exception) -> str:
    """Name the innermost error; the outer ones repeat the address, which may hold a password."""
    inner: BaseException = error
    while (cause := inner.__cause__ or inner.__context__) is not None:
        inner = cause
    reason = getattr(inner, "strerror", None) or str(inner)
    return reason if reason and "http" not in reason else type(inner).__name__


def _database_error(text: str) -> str:
    r"""Remove the class's name, the statement and SQLAlchemy's link from a message.

    >>> _database_error("(psycopg.OperationalError) server closed [SQL: SELECT 1] (Background ...)")
    'server closed'
    """
    text = re.sub(r"^\(\S+\) ", "", text)
    return re.split(r" \[SQL: | \(Background on this error", text)[0][:300]
