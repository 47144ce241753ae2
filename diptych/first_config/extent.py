"""Estimate which share of a file was read, by what is known of the rest without reading it."""

import os
from pathlib import Path

from components.example_gen.readers.parsing.file_kinds import by_suffix, is_hidden
from diptych.first_config.layout import COCO, FOLDER

HEAD = 1 << 20  # bytes of a table of text
LARGEST = 1 << 30  # bytes of a COCO file that are looked through
_NAME = b'"file_name"'


def share_of(format_name: str, file: str, part: int, rows: int, size: int) -> float:
    """Return the share of a part of a file that some rows are, above 0 and at most 1.

    Args:
        format_name: name of the reader.
        file: its path, or a folder's.
        part: number of the part.
        rows: that were read.
        size: bytes of the images in them.
    """
    if format_name == FOLDER:
        share = rows / max(_images(file), 1)
    elif format_name == "parquet":
        share = rows / max(_rows_of_group(file, part), 1)
    elif format_name == COCO:
        with Path(file).open("rb") as opened:
            share = rows / max(opened.read(LARGEST).count(_NAME), 1)
    elif size:
        share = size / os.path.getsize(file)  # noqa: PTH202
    else:
        share = rows * _bytes_per_line(file) / os.path.getsize(file)  # noqa: PTH202
    return min(max(share, 1e-6), 1.0)


def _images(folder: str) -> int:
    return sum(
        by_suffix(name) == "image" and not is_hidden(name)
        for _, _, names in os.walk(folder)
        for name in names
    )


def _rows_of_group(file: str, part: int) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(file).row_group(part).num_rows)


def _bytes_per_line(file: str) -> float:
    with Path(file).open("rb") as opened:
        head = opened.read(HEAD)
    return len(head) / max(head.count(b"\n"), 1)
