"""Read the files that the data itself names, if they may be read, in a limited time."""

import errno
import os
from typing import Any

from components.example_gen.storage import listing, urls
from components.example_gen.storage.allowed import Access
from components.example_gen.storage.attempts import in_any_spelling, within
from components.example_gen.storage.errors import NotThereError, TimedOutError, as_input_error
from components.example_gen.storage.open_file import open_binary
from schema.errors import InputError, UnavailableError

_CHUNK = 1 << 16  # bytes


def read(address: str, limit: int, access: Access) -> bytes:
    """Return the bytes of a file; of a longer one the first `limit` + 1.

    Raises:
        InputError: it cannot be read; see the classes in `errors`. If the host is down, that is an
            UnavailableError, but a plain InputError for a web host that only a pattern of
            `data.allow` names: then the record is rejected, and the run goes on.
    """
    try:
        return in_any_spelling(address, access, lambda spelling: _read(spelling, limit, access))
    except TimedOutError:
        raise
    except UnavailableError as error:
        if access.allowed.is_own(address):
            raise
        raise InputError(str(error)) from error


def exists(address: str, access: Access) -> bool:
    """Return whether there is a file at an address, or at another spelling of it, that may be read.

    Raises:
        InputError: one may not be read, or its store cannot be reached.
    """

    def there(spelling: str) -> bool:
        if not listing.exists(spelling, access):
            raise NotThereError(spelling)
        return True

    try:
        return in_any_spelling(address, access, there)
    except NotThereError:
        return False


def _read(address: str, limit: int, access: Access) -> bytes:
    address = urls.plain(address)
    if urls.is_local(address):
        with open_binary(address) as file:
            size = file.seek(0, os.SEEK_END)  # Python makes room for as much as it is to read
            file.seek(0)
            return file.read(min(size, limit) + 1)
    fs, path = listing.store(address, access)
    seconds = access.timeouts.record
    with as_input_error(address):
        if urls.is_web(address):
            return bytes(within(seconds, fs, _download, fs, path, limit))
        try:
            cat = getattr(fs, "_cat_file", fs.cat_file)
            return bytes(within(seconds, fs, cat, path, start=0, end=limit + 1))
        except TimeoutError:
            raise
        except OSError:
            info = within(seconds, fs, getattr(fs, "_info", fs.info), path)
            if info["size"]:
                raise
            return b""  # a part of nothing is out of range


async def _download(fs: Any, url: str, limit: int) -> bytes:
    """Send one request and stop once there is enough: a server may send without end."""
    session = await fs.set_session()
    body = bytearray()
    async with session.get(fs.encode_url(url)) as response:
        if response.status == 404:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), url)
        response.raise_for_status()
        async for chunk in response.content.iter_chunked(_CHUNK):
            body += chunk
            if len(body) > limit:
                break
    return bytes(body[: limit + 1])
