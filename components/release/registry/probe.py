"""Ask whether a registry answers, within seconds and before MLflow is given its address.

MLflow itself retries a database that is down ten times with growing pauses, and an HTTP server with
a time limit of two minutes a call.
"""

import http.client
import socket
import urllib.parse
from pathlib import Path
from typing import Any

from components.release.registry.errors import driver_words
from schema.errors import InputError, UnavailableError

SECONDS = 5  # for a connection, and again for the answer
_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}


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
        raise _away(shown, error) from None


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
        raise _away(shown, error) from None
    limits: dict[str, Any] = {"connect_timeout": SECONDS} if kind != "mssql" else {}
    try:
        engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool, connect_args=limits)
        engine.connect().close()
    except ModuleNotFoundError as error:
        raise InputError(
            f"registry {shown}: the Python package {error.name} is not installed"
        ) from None
    except Exception as error:
        raise UnavailableError(f"registry {shown}: {driver_words(error)}") from None


def _probe_sqlite(uri: str, shown: str) -> None:
    """A file that is there is opened; one that is not there yet needs a folder to be made in."""
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
        raise InputError(f"registry {shown}: {driver_words(error)}") from None


def _away(shown: str, error: Exception) -> UnavailableError:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return UnavailableError(f"registry {shown}: does not answer: {reason}")
