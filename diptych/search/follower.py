"""Take up what was added to indexed folders and deleted from them while a server answers."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, runtime_checkable

from schema.errors import InputError

SECONDS_BETWEEN = 1.0
LEAST_REST = 20  # times the length of a refresh: listing a large folder takes at most 5 % of a core


@runtime_checkable
class Followed(Protocol):
    """A collection that can change: a `FolderIndex`.

    Attributes:
        version: grows with every change.
        failures: why files cannot be searched, by their names.
    """

    @property
    def version(self) -> int: ...
    @property
    def failures(self) -> Mapping[str, str]: ...
    def refresh(self, progress: Callable[[int, int], None] | None = None) -> object:
        """Take up the changes, while searches go on."""


class _ClosedError(Exception):
    """The server ends."""


class Follower:
    """Refreshes collections in a thread of its own, while somebody uses them.

    New images are embedded beside the queries, which take turns with their batches on the cores and
    do not wait until all are done. Nothing happens while no request comes.

    Args:
        collections: those that are not `Followed` stay as they are.
        log: prints why a folder cannot be followed.
        clock: returns seconds; replaced by tests.
    """

    def __init__(
        self,
        collections: Iterable[object],
        log: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._collections = [one for one in collections if isinstance(one, Followed)]
        self._log, self._clock = log, clock
        self._thread = ThreadPoolExecutor(1, "follow")
        self._runs, self._next = threading.Lock(), clock() + SECONDS_BETWEEN
        self._closed = False
        self._problem = ""

    @property
    def problem(self) -> str:
        """Why the last refresh did not succeed; empty if it did."""
        return self._problem

    def refresh_soon(self) -> None:
        """Let the thread refresh, unless it does or has just done so; return at once."""
        if not self._collections or self._clock() < self._next:
            return
        if self._runs.acquire(blocking=False):
            try:
                self._thread.submit(self._refresh)
            except RuntimeError:  # closed meanwhile
                self._runs.release()

    def close(self) -> None:
        """End the thread after the batch that it embeds now."""
        self._closed = True
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _refresh(self) -> None:
        started, problem = self._clock(), ""
        try:
            for collection in self._collections:
                collection.refresh(self._go_on)
        except _ClosedError:
            return
        except InputError as error:
            problem = str(error)
        except Exception as error:  # the server lives on with the index as it was
            problem = f"the folder cannot be indexed: {type(error).__name__}: {error}"
        finally:
            ended = self._clock()
            self._next = ended + max(SECONDS_BETWEEN, LEAST_REST * (ended - started))
            self._runs.release()
        if problem and problem != self._problem:
            self._log(problem)
        self._problem = problem

    def _go_on(self, _done: int, _of: int) -> None:
        if self._closed:
            raise _ClosedError
