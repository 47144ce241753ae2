"""Checkpoints of runs that were given up: without this they would fill the disk night by night."""

import logging
import posixpath
import re
import time

import tensorflow as tf

DAYS = 14  # nobody goes on with a run that has rested for so long
RUN = re.compile(r"[0-9a-f]{16}")  # what `training` calls the folder of a run
LOGGER = logging.getLogger(__name__)


def remove_abandoned(folder: str, now: float | None = None) -> None:
    """Remove the checkpoints of runs that did not end and that nobody has gone on with.

    Args:
        folder: of the checkpoints of all runs; what else is in it stays.
        now: seconds since 1970; None: now.
    """
    if not tf.io.gfile.isdir(folder):
        return
    limit = (time.time() if now is None else now) - DAYS * 24 * 3600
    for name in (each.rstrip("/") for each in tf.io.gfile.listdir(folder)):
        place = posixpath.join(folder, name)
        try:
            if RUN.fullmatch(name) and _touched(place) < limit:
                LOGGER.info("%s is of a run that was given up: removed", place)
                tf.io.gfile.rmtree(place)
        except tf.errors.OpError as error:  # another run may have removed it
            LOGGER.info("%s stays: %s", place, error)


def _touched(place: str) -> float:
    """When something was last written below a folder, in seconds since 1970."""
    files = [
        posixpath.join(root, name) for root, _, names in tf.io.gfile.walk(place) for name in names
    ]
    return max(tf.io.gfile.stat(each).mtime_nsec for each in files or [place]) / 1e9
