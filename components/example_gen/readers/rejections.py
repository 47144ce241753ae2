"""When a file has so few records among what it holds that it is not read on."""

from typing import Final

from components.example_gen.readers.limits import MAX_REJECTED
from components.example_gen.records.reasons import REASONS
from components.example_gen.records.row import Rejected
from components.example_gen.storage.urls import shown
from schema.errors import InputError

MOST_REJECTED: Final = 0.9  # share of a file's records


def check_rejected(file: str, rejected: int, read: int, last: Rejected) -> None:
    """Stop where nearly nothing of a large file is a record: it was packed to fill the disk.

    Args:
        file: its address.
        rejected: how many of its records cannot be used.
        read: how many were read.
        last: one that cannot be used, for the message.

    Raises:
        InputError: names the file and that record.
    """
    if rejected >= MAX_REJECTED and rejected > MOST_REJECTED * read:
        raise InputError(
            f"{shown(file)}: {rejected:,} of its first {read:,} records cannot be used, such as "
            f"{last.place.offset:,}: {REASONS[last.reason]}"
        )
