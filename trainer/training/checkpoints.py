"""Checkpoints of a run: all that a later attempt needs to end with the same weights."""

import json
import logging
import posixpath
import re
import tempfile
import time
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from schema.errors import UnavailableError
from schema.system import file_errors

KEPT = 2  # the newest, and the one before in case the newest is damaged
DONE = "done.json"  # written last: a checkpoint without it is incomplete
VALUE = "variables/{}/.ATTRIBUTES/VARIABLE_VALUE"  # TensorFlow's name of a variable in the file
STALE_DAYS = 14  # a run that nobody has continued for so long has been given up
RUN_FOLDER = re.compile(r"[0-9a-f]{16}")  # see `trainer.training.train.checkpoint_folder`
LOGGER = logging.getLogger(__name__)


class Checkpoints:
    """The checkpoints of one run in a folder of its own.

    Args:
        folder: on any file system that TensorFlow writes; created by the first `save`. It must be
            the same at each attempt, so that the next one finds it.
        variables: all variables that training changes.
        is_chief: whether this worker writes. The others must call `save` at the same steps, which
            aggregates values that differ by worker, but leave nothing behind.
    """

    def __init__(self, folder: str, variables: Sequence[tf.Variable], is_chief: bool = True):
        self._folder, self._is_chief = folder, is_chief
        self._variables = list(variables)
        self._checkpoint = tf.train.Checkpoint(variables=self._variables)

    @property
    def folder(self) -> str:
        """The folder that holds them."""
        return self._folder

    @property
    def still_needed(self) -> int:
        """Bytes that this run will add: while one is written there are `KEPT` others."""
        size = sum(
            variable.shape.num_elements() * variable.dtype.size for variable in self._variables
        )
        return size * max(KEPT + 1 - len(self._complete()), 1)

    def save(self, step: int, notes: Mapping[str, Any]) -> None:
        """Write a checkpoint, then remove all but the newest `KEPT`.

        Args:
            step: steps done so far.
            notes: JSON values to restore with it.

        Raises:
            UnavailableError: the folder cannot be written.
        """
        if not self._is_chief:
            with tempfile.TemporaryDirectory() as scratch:
                self._checkpoint.write(f"{scratch}/variables")
            return
        place = posixpath.join(self._folder, f"step-{step:09d}")
        try:
            self._write(place, {"step": step, **notes})
            # A checkpoint of a later step is damaged, or this run would have started from it.
            complete = [path for path in self._complete() if path <= place]
            for old in {*self._complete()} - {*complete[:KEPT]}:
                tf.io.gfile.rmtree(old)
        except tf.errors.OpError as error:
            reason = file_errors.sentence(error) or _reason(error)
            raise UnavailableError(
                f"{place}: the checkpoint cannot be written: {reason}"
            ) from error

    def restore(self) -> dict[str, Any]:
        """Restore the newest intact checkpoint; log a warning for each damaged one.

        Returns:
            Its notes with its 'step'; {'step': 0} if there is none.
        """
        for place in self._complete():
            try:
                notes = _notes(place)
                self._assign(posixpath.join(place, "variables"))
            # What TensorFlow's reader raises depends on which bytes are wrong.
            except (tf.errors.OpError, ValueError, LookupError, TypeError, RuntimeError) as error:
                LOGGER.warning("%s is damaged; using the one before: %s", place, _reason(error))
                continue
            return notes
        return {"step": 0}

    def remove(self) -> None:
        """Remove all checkpoints of the run; call this once its model is written."""
        if self._is_chief and tf.io.gfile.isdir(self._folder):
            tf.io.gfile.rmtree(self._folder)

    def _write(self, place: str, notes: Mapping[str, Any]) -> None:
        if tf.io.gfile.exists(place):
            tf.io.gfile.rmtree(place)  # incomplete: an earlier attempt was killed
        tf.io.gfile.makedirs(place)
        self._checkpoint.write(posixpath.join(place, "variables"))
        temporary = posixpath.join(place, DONE + ".part")
        with tf.io.gfile.GFile(temporary, "w") as file:
            file.write(json.dumps({"notes": notes, "crc32": _crc32(notes)}))
        tf.io.gfile.rename(temporary, posixpath.join(place, DONE), overwrite=True)

    def _complete(self) -> list[str]:
        """Return the folders of complete checkpoints, the newest first."""
        if not tf.io.gfile.isdir(self._folder):
            return []
        names = sorted(
            (name.rstrip("/") for name in tf.io.gfile.listdir(self._folder)), reverse=True
        )
        places = [posixpath.join(self._folder, name) for name in names if name.startswith("step-")]
        return [place for place in places if tf.io.gfile.exists(posixpath.join(place, DONE))]

    def _assign(self, path: str) -> None:
        # Read everything, which compares checksums, before changing a variable: a damaged
        # checkpoint must not be restored in part.
        reader = tf.train.load_checkpoint(path)
        shapes, types = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
        saved = {}
        for name in shapes:
            reader.get_tensor(name)
            if name.startswith("variables/"):
                saved[name] = (shapes[name], types[name])
        expected = {
            VALUE.format(n): (variable.shape.as_list(), variable.dtype)
            for n, variable in enumerate(self._variables)
        }
        if saved != expected:
            raise ValueError("it belongs to another model")
        self._checkpoint.read(path).assert_consumed()


def _notes(place: str) -> dict[str, Any]:
    with tf.io.gfile.GFile(posixpath.join(place, DONE)) as file:
        content = json.loads(file.read())
    notes: dict[str, Any] = content["notes"]
    if content["crc32"] != _crc32(notes):
        raise ValueError("the checksum of its notes differs")
    return notes


def _crc32(notes: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(notes).encode())


def _reason(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def remove_stale_runs(folder: str, now: float | None = None) -> None:
    """Remove the checkpoints of runs that did not end and were not continued for `STALE_DAYS`.

    Args:
        folder: holds the checkpoint folders of all runs; other entries stay.
        now: seconds since 1970; None: the current time.
    """
    if not tf.io.gfile.isdir(folder):
        return
    limit = (time.time() if now is None else now) - STALE_DAYS * 24 * 3600
    for name in (entry.rstrip("/") for entry in tf.io.gfile.listdir(folder)):
        place = posixpath.join(folder, name)
        try:
            if RUN_FOLDER.fullmatch(name) and _last_written(place) < limit:
                LOGGER.info("removing %s: not written for %d days", place, STALE_DAYS)
                tf.io.gfile.rmtree(place)
        except tf.errors.OpError as error:  # another run may have removed it
            LOGGER.info("%s stays: %s", place, error)


def _last_written(folder: str) -> float:
    """Return when a file below a folder was last written, in seconds since 1970."""
    files = [
        posixpath.join(root, name) for root, _, names in tf.io.gfile.walk(folder) for name in names
    ]
    return max(tf.io.gfile.stat(path).mtime_nsec for path in files or [folder]) / 1e9
