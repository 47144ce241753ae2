"""Attempts to read a file that the data names: checked, in any spelling, with a time limit."""

import contextlib
import inspect
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from fsspec.asyn import AsyncFileSystem, sync

from components.example_gen.storage import urls
from components.example_gen.storage.allowed import Access
from components.example_gen.storage.errors import LATE, NotThereError, TimedOutError
from components.example_gen.storage.urls import other_spellings, shown

PATIENCE = 5  # timeouts in a row after which a host or bucket is skipped
WHILE = 600.0  # seconds
_late: dict[str, tuple[int, float]] = {}  # by host: how many in a row, and when the last one did
_lock = threading.Lock()

T = TypeVar("T")


def in_any_spelling(address: str, access: Access | None, attempt: Callable[[str], T]) -> T:
    """Return what an attempt yields for an address, or else for another spelling of it.

    Args:
        address: that the data names.
        access: none: a person named the address.
        attempt: raises NotThereError where nothing is.

    Raises:
        InputError: what the attempt raises, or the address may not be read.
    """
    try:
        return _allowed(address, access, attempt)
    except NotThereError:
        for spelled in other_spellings(address):
            with contextlib.suppress(NotThereError):
                return _allowed(spelled, access, attempt)
        raise


def _allowed(address: str, access: Access | None, attempt: Callable[[str], T]) -> T:
    if access is not None:
        access.allowed.check(address)
    with _answering(address):
        return attempt(address)


def within(seconds: float, fs: Any, method: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Call a method of an fsspec file system; an asynchronous one has a time limit.

    Raises:
        TimeoutError: it took longer.
    """
    if isinstance(fs, AsyncFileSystem) and inspect.iscoroutinefunction(method):
        return sync(fs.loop, method, *args, timeout=seconds, **options)
    return method(*args, **options)  # in memory


@contextlib.contextmanager
def _answering(address: str) -> Iterator[None]:
    """Remember which hosts do not answer, so that a million rows do not each wait for one."""
    if urls.is_local(address):
        yield
        return
    host = urls.host(address)
    with _lock:
        count, when = _late.get(host, (0, 0.0))
    if count >= PATIENCE and time.monotonic() - when < WHILE:
        raise TimedOutError(f"{shown(address)}: {LATE}, like the {PATIENCE} files before it")
    try:
        yield
    except TimedOutError:
        with _lock:
            _late[host] = (_late.get(host, (0, 0.0))[0] + 1, time.monotonic())
        raise
    except Exception:
        _answered(host)
        raise
    _answered(host)


def _answered(host: str) -> None:
    with _lock:
        _late.pop(host, None)
