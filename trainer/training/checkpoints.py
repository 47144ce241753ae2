"""Checkpoints of a run: all that a later attempt needs to end where this one would have ended."""

import json
import logging
import posixpath
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from schema.errors import UnavailableError
from schema.system import file_errors

KEPT = 2  # the newest, and the one before in case that one is damaged
DONE = "done.json"  # written last: without it the checkpoint was cut off
VALUE = "variables/{}/.ATTRIBUTES/VARIABLE_VALUE"  # TensorFlow's name of one in the file
LOGGER = logging.getLogger(__name__)


class Checkpoints:
    """The checkpoints of one run in a folder of its own.

    Args:
        folder: any that TensorFlow writes; made when something is saved. It must not depend on
            the attempt, so that the next one finds it.
        variables: all that changes while training.
        is_chief: whether this worker writes. The others must save at the same steps, since values
            that workers keep apart are put together then, but leave nothing behind.
    """

    def __init__(self, folder: str, variables: Sequence[tf.Variable], is_chief: bool = True):
        self._folder, self._is_chief = folder, is_chief
        self._variables = list(variables)
        self._checkpoint = tf.train.Checkpoint(variables=self._variables)

    @property
    def folder(self) -> str:
        """Where they are kept."""
        return self._folder

    @property
    def still_needed(self) -> int:
        """Bytes that this run will add: one more than are kept at most, less what is there."""
        one = sum(each.shape.num_elements() * each.dtype.size for each in self._variables)
        return one * max(KEPT + 1 - len(self._complete()), 1)

    def save(self, step: int, notes: Mapping[str, Any]) -> None:
        """Write one, and remove those that it makes superfluous.

        Args:
            step: how many steps were done.
            notes: whatever else belongs to it, fit for JSON.

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
            # What is left of later steps was damaged, else this run would have begun there.
            complete = [each for each in self._complete() if each <= place]
            for old in {*self._complete()} - {*complete[:KEPT]}:
                tf.io.gfile.rmtree(old)
        except tf.errors.OpError as error:
            reason = file_errors.sentence(error) or _reason(error)
            raise UnavailableError(
                f"{place}: the checkpoint cannot be written: {reason}"
            ) from error

    def restore(self) -> dict[str, Any]:
        """Restore the newest one that is whole; a damaged one is passed over with a message.

        Returns:
            Its notes, 'step' among them; of none, a step of 0.
        """
        for place in self._complete():
            try:
                notes = _notes(place)
                self._assign(posixpath.join(place, "variables"))
            # What TensorFlow's reader raises depends on which bytes are wrong.
            except (tf.errors.OpError, ValueError, LookupError, TypeError, RuntimeError) as error:
                LOGGER.warning("%s is damaged, the one before is taken: %s", place, _reason(error))
                continue
            return notes
        return {"step": 0}

    def remove(self) -> None:
        """Remove all of them: what was learned is written elsewhere."""
        if self._is_chief and tf.io.gfile.isdir(self._folder):
            tf.io.gfile.rmtree(self._folder)

    def _write(self, place: str, notes: Mapping[str, Any]) -> None:
        if tf.io.gfile.exists(place):
            tf.io.gfile.rmtree(place)  # an attempt that was cut off while writing it
        tf.io.gfile.makedirs(place)
        self._checkpoint.write(posixpath.join(place, "variables"))
        temporary = posixpath.join(place, DONE + ".part")
        with tf.io.gfile.GFile(temporary, "w") as file:
            file.write(json.dumps({"notes": notes, "crc32": _crc32(notes)}))
        tf.io.gfile.rename(temporary, posixpath.join(place, DONE), overwrite=True)

    def _complete(self) -> list[str]:
        """Folders of checkpoints that were written to the end, the newest first."""
        if not tf.io.gfile.isdir(self._folder):
            return []
        names = sorted(
            (name.rstrip("/") for name in tf.io.gfile.listdir(self._folder)), reverse=True
        )
        places = [posixpath.join(self._folder, name) for name in names if name.startswith("step-")]
        return [place for place in places if tf.io.gfile.exists(posixpath.join(place, DONE))]

    def _assign(self, path: str) -> None:
        # All is read, and its checksums compared, before anything changes: a damaged checkpoint
        # must not leave half of itself behind.
        reader = tf.train.load_checkpoint(path)
        shapes, types = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
        found = {}
        for name in shapes:
            reader.get_tensor(name)
            if name.startswith("variables/"):
                found[name] = (shapes[name], types[name])
        wanted = {
            VALUE.format(n): (variable.shape.as_list(), variable.dtype)
            for n, variable in enumerate(self._variables)
        }
        if found != wanted:
            raise ValueError("it is of another model")
        self._checkpoint.read(path).assert_consumed()


def _notes(place: str) -> dict[str, Any]:
    with tf.io.gfile.GFile(posixpath.join(place, DONE)) as file:
        found = json.loads(file.read())
    notes: dict[str, Any] = found["notes"]
    if found["crc32"] != _crc32(notes):
        raise ValueError("its notes have changed")
    return notes


def _crc32(notes: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(notes).encode())


def _reason(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
