"""What goes wrong with a store, in one sentence that names the address and never a secret."""

import asyncio
import contextlib
from collections.abc import Iterator

from components.example_gen.addresses import scheme, shown
from schema.errors import InputError

# Where the stores' libraries define their errors. Others are mistakes of this program.
_LIBRARIES = ("aiobotocore", "aiohttp", "azure", "botocore", "fsspec", "gcsfs", "google", "s3fs")
_CREDENTIALS = ("Credential", "RefreshError", "TokenRetrieval", "Unauthorized", "ProfileNotFound")
MISSING = "is not there"
_CONNECTION = ("Connect", "Timeout", "ProxyError", "HTTPClientError")


class NotThereError(InputError):
    """There is nothing at the address."""


@contextlib.contextmanager
def told(address: str) -> Iterator[None]:
    """Turn what a store raises into an InputError about `address`."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        said = _said(error, scheme(address))
        if said is None:
            raise
        # The store's own text may hold a key, so it is left to the log.
        kind = NotThereError if said == MISSING else InputError
        raise kind(f"{shown(address)}: {said}") from error


def _said(error: Exception, scheme: str) -> str | None:
    # fsspec says of a web server that a file is not there, whatever the server answered.
    web = scheme in ("http", "https")
    if web and isinstance(error, FileNotFoundError) and isinstance(error.__cause__, Exception):
        return _said(error.__cause__, scheme) or MISSING
    kind = type(error).__name__
    if isinstance(error, ImportError) and scheme:
        return f"the package that reads {scheme}:// is not installed"
    if isinstance(error, UnicodeEncodeError) or "null byte" in str(error):
        return "is no address"
    if isinstance(error, FileNotFoundError | NotADirectoryError) or _status(error) == 404:
        return MISSING
    if isinstance(error, IsADirectoryError):
        return "is a folder where a file is expected"
    if isinstance(error, PermissionError) or _status(error) in (401, 403):
        return "access is refused with the credentials there are" if scheme else "access is refused"
    if any(each in kind for each in _CREDENTIALS):
        return f"the credentials for {scheme}:// are missing or not accepted"
    if isinstance(error, ConnectionError | asyncio.TimeoutError | TimeoutError):
        return f"{scheme}:// does not answer"
    if not _of_a_store(error):
        return None
    if any(each in kind for each in _CONNECTION):
        return f"{scheme}:// does not answer"
    return f"cannot be read ({kind})"


def _of_a_store(error: Exception) -> bool:
    return isinstance(error, OSError) or type(error).__module__.split(".")[0] in _LIBRARIES


def _status(error: Exception) -> int | None:
    """What a web server answered."""
    return getattr(error, "status", None)
