"""The errors of stores, in one sentence that names the address and never a secret."""

import contextlib
import errno
import socket
from collections.abc import Iterator

from components.example_gen.storage.urls import scheme, shown
from schema.errors import InputError, UnavailableError

# Packages that define errors of stores. Other exceptions are faults of this program.
_LIBRARIES = ("aiobotocore", "aiohttp", "azure", "botocore", "fsspec", "gcsfs", "google", "s3fs")
_CREDENTIALS = ("Credential", "RefreshError", "TokenRetrieval", "Unauthorized", "ProfileNotFound")
MISSING = "is not there"
LATE = "does not answer in time"
_CONNECTION = ("Connect", "ProxyError", "HTTPClientError")
# Errors of a file or an address that another attempt gets, too.
_LASTING_NUMBERS = (
    *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM),
    *(errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL, errno.ENXIO),
)
# Errors of one address: a server redirects to nowhere, or sends less than it announced.
_OF_ONE_ADDRESS = ("Url", "URL", "Redirect", "Payload")
_PASSING_STATUS = (408, 425, 429)  # and all from 500 on


class NotThereError(InputError):
    """There is nothing at the address."""


class OutsideError(InputError):
    """It lies outside of every place that the config names."""


class NotAFileError(InputError):
    """It is a pipe, a device or another thing that is not a regular file."""


class TimedOutError(UnavailableError):
    """The store or server was too slow."""


@contextlib.contextmanager
def as_input_error(address: str) -> Iterator[None]:
    """Turn what a store raises into an InputError about `address`.

    It is an UnavailableError where the store, and not the address, is what is wrong.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if isinstance(error.__cause__, InputError):  # wrapped by fsspec
            raise error.__cause__ from None
        message = _message(error, scheme(address))
        if message is None:
            raise
        # The store's own text may hold a key, so it goes to the log only.
        if message == LATE:
            raise TimedOutError(f"{shown(address)}: {message}") from error
        if _passes(error):
            raise UnavailableError(f"{shown(address)}: {message}") from error
        kind = NotThereError if message == MISSING else InputError
        raise kind(f"{shown(address)}: {message}") from error


def _message(error: Exception, scheme: str) -> str | None:  # noqa: PLR0911  one for each sentence
    # fsspec raises FileNotFoundError whatever a web server answered.
    web = scheme in ("http", "https")
    if web and isinstance(error, FileNotFoundError) and isinstance(error.__cause__, Exception):
        return _message(error.__cause__, scheme) or MISSING
    kind = type(error).__name__
    if isinstance(error, ImportError) and scheme:
        return f"the package that reads {scheme}:// is not installed"
    if isinstance(error, UnicodeEncodeError) or "null byte" in str(error):
        return "is not an address"
    if isinstance(error, FileNotFoundError | NotADirectoryError) or _status(error) == 404:
        return MISSING
    if isinstance(error, IsADirectoryError):
        return "is a folder where a file is expected"
    if isinstance(error, PermissionError) or _status(error) in (401, 403):
        return "access is refused with the credentials there are" if scheme else "access is refused"
    if any(name in kind for name in _CREDENTIALS):
        return f"the credentials for {scheme}:// are missing or not accepted"
    if isinstance(error, TimeoutError) or "Timeout" in kind:
        return LATE
    if isinstance(error, ConnectionError):
        return f"{scheme}:// does not answer"
    if not _of_a_store(error):
        return None
    if any(name in kind for name in _CONNECTION):
        return f"{scheme}:// does not answer"
    return f"cannot be read ({kind})"


def _passes(error: Exception) -> bool:
    """Return whether another attempt may succeed; an unknown error counts as such."""
    if isinstance(error, FileNotFoundError) and isinstance(error.__cause__, Exception):
        return _passes(error.__cause__)  # fsspec's, for any answer of a web server
    if any(name in type(error).__name__ for name in _OF_ONE_ADDRESS):
        return False
    status = _status(error)
    if status is not None:
        return status in _PASSING_STATUS or status >= 500
    inner = getattr(error, "os_error", error)  # aiohttp's, of a connection that failed
    if isinstance(inner, socket.gaierror):
        return inner.errno != socket.EAI_NONAME  # no such host
    if isinstance(error, ImportError | UnicodeEncodeError | ValueError):
        return False
    number = getattr(error, "errno", None)
    return number not in _LASTING_NUMBERS


def _of_a_store(error: Exception) -> bool:
    return isinstance(error, OSError) or type(error).__module__.split(".")[0] in _LIBRARIES


def _status(error: Exception) -> int | None:
    """Return the status that a web server answered, if it did."""
    return getattr(error, "status", None)
