"""Limit how long a registry can keep its callers waiting.

A registry is probed before MLflow gets its address: MLflow itself retries a database that is down
ten times with growing pauses, and waits two minutes for each call of an HTTP server. Calls of
database drivers have no time limit of their own.
"""

import http.client
import socket
import threading
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from components.release.registry.errors import driver_message
from schema.errors import InputError, UnavailableError

SECONDS = 5  # for a connection, and again for the answer
_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}

T = TypeVar("T")


def probe(uri: str, shown: str) -> None:
    """Connect to where an MLflow tracking URI points.

    Args:
        uri: with all that is needed to connect.
        shown: the same without secrets, for messages.

    Raises:
        UnavailableError: nothing answers there.
        InputError: the address cannot be used at all; says why.
    """
    scheme = uri.partition(":")[0].lower()
    if scheme in ("http", "https"):
        _probe_http(uri, shown)
    elif "://" in uri and scheme.partition("+")[0] not in ("sqlite", "file", "databricks"):
        _probe_database(uri, shown)
    elif scheme.startswith("sqlite"):
        _probe_sqlite(uri, shown)


def call_within(seconds: float, call: Callable[[], T]) -> T:
    """Return what a call returns; do not wait for one that takes longer.

    The call then goes on by itself, in a thread that keeps no process alive.

    Args:
        seconds: the limit.
        call: the function.

    Raises:
        TimeoutError: it has not returned by then.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(call())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"no answer within {seconds:.0f} s")
    return results[0]


class Limited:
    """Wrap an object so that each call of its methods is limited.

    Args:
        inner: the object.
        seconds: the limit of each call.
        others: limits of single methods, by their name.
    """

    def __init__(self, inner: Any, seconds: float, **others: float):
        self._inner, self._seconds, self._others = inner, seconds, others

    def __getattr__(self, name: str) -> Any:
        method, seconds = getattr(self._inner, name), self._others.get(name, self._seconds)

        def limited(*arguments: Any, **named: Any) -> Any:
            return call_within(seconds, lambda: method(*arguments, **named))

        return limited


def _probe_http(uri: str, shown: str) -> None:
    parts = urllib.parse.urlsplit(uri)
    kind = (
        http.client.HTTPSConnection
        if parts.scheme.lower() == "https"
        else http.client.HTTPConnection
    )
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=SECONDS)
        try:
            connection.request("GET", f"{parts.path.rstrip('/')}/health")
            connection.getresponse()  # any answer, a demand for a password too
        finally:
            connection.close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise _unavailable(shown, error) from None


def _probe_database(uri: str, shown: str) -> None:
    import sqlalchemy

    try:
        url = sqlalchemy.make_url(uri)
        kind = url.get_backend_name()
    except Exception:
        raise InputError(f"registry {shown}: is not an address that MLflow reads") from None
    if kind not in _PORTS:
        raise InputError(
            f"registry {shown}: is not an address that MLflow reads; it reads http, https, file, "
            f"sqlite, {', '.join(_PORTS)}"
        )
    try:
        socket.create_connection(
            (url.host or "localhost", url.port or _PORTS[kind]), SECONDS
        ).close()
    except OSError as error:
        raise _unavailable(shown, error) from None
    limits: dict[str, Any] = {"connect_timeout": SECONDS} if kind != "mssql" else {}
    try:
        engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool, connect_args=limits)
        engine.connect().close()
    except ModuleNotFoundError as error:
        raise InputError(
            f"registry {shown}: the Python package {error.name} is not installed"
        ) from None
    except Exception as error:
        raise UnavailableError(f"registry {shown}: {driver_message(error)}") from None


def _probe_sqlite(uri: str, shown: str) -> None:
    """Open a file that is there; MLflow makes one that is not."""
    import sqlalchemy

    try:
        database = sqlalchemy.make_url(uri).database
    except Exception:
        raise InputError(f"registry {shown}: is not an address that MLflow reads") from None
    if not database or not Path(database).exists():
        return
    try:
        with sqlalchemy.create_engine(uri, poolclass=sqlalchemy.NullPool).connect() as connection:
            connection.exec_driver_sql("PRAGMA schema_version")
    except Exception as error:
        raise InputError(f"registry {shown}: {driver_message(error)}") from None


def _unavailable(shown: str, error: Exception) -> UnavailableError:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return UnavailableError(f"registry {shown}: does not answer: {reason}")
