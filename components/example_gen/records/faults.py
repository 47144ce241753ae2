"""Whatever one record raises is that record's rejection, not the end of the run."""

import logging

from components.example_gen.records.reasons import UnusableError
from components.example_gen.storage.errors import NotAFileError, OutsideError, TimedOutError
from schema.errors import InputError, UnavailableError

_SHOWN = 200  # characters of a library's own words
_OF_FILES: tuple[tuple[type[InputError], str], ...] = (
    (OutsideError, "outside"),
    (TimedOutError, "timed_out"),
    (NotAFileError, "not_a_file"),
    (InputError, "missing_image"),
)


def as_unusable(error: Exception) -> UnusableError:
    """Turn what reading one record raised into the reason that it is not used for.

    Raises:
        UnavailableError: it was one: it says nothing about the record, and a refusal would stay in
            the cache.
        MemoryError: likewise.
    """
    if isinstance(error, UnusableError):
        return error
    if isinstance(error, MemoryError) or (
        isinstance(error, UnavailableError) and not isinstance(error, TimedOutError)
    ):
        raise error
    for kind, reason in _OF_FILES:
        if isinstance(error, kind):
            return UnusableError(reason, str(error))
    logging.getLogger(__name__).warning("a record made its reader fail", exc_info=error)
    words = (str(error).splitlines() or [""])[0][:_SHOWN]
    return UnusableError("unreadable", f"{type(error).__name__}: {words}".removesuffix(": "))
