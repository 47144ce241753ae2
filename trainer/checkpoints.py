"""Checkpoints of a run: all that a later attempt needs to end where this one would have ended."""

import json
import logging
import posixpath
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

KEPT = 2  # the newest, and the one before in case that one is damaged
DONE = "done.json"  # written last: without it the checkpoint was cut off
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

    def save(self, step: int, notes: Mapping[str, Any]) -> None:
        """Write one, and remove those that it makes superfluous.

        Args:
            step: how many steps were done.
            notes: whatever else belongs to it, fit for JSON.
        """
        if not self._is_chief:
            with tempfile.TemporaryDirectory() as scratch:
                self._checkpoint.write(f"{scratch}/variables")
            return
        place = posixpath.join(self._folder, f"step-{step:09d}")
        if tf.io.gfile.exists(place):
            tf.io.gfile.rmtree(place)  # an attempt that was cut off while writing it
        tf.io.gfile.makedirs(place)
        self._checkpoint.write(posixpath.join(place, "variables"))
        temporary = posixpath.join(place, DONE + ".part")
        with tf.io.gfile.GFile(temporary, "w") as file:
            file.write(json.dumps({"step": step, **notes}))
        tf.io.gfile.rename(temporary, posixpath.join(place, DONE), overwrite=True)
        for old in self._complete()[KEPT:]:
            tf.io.gfile.rmtree(old)

    def restore(self) -> dict[str, Any]:
        """Restore the newest one that is whole; a damaged one is passed over with a message.

        Returns:
            Its notes, 'step' among them; of none, a step of 0.
        """
        for place in self._complete():
            try:
                with tf.io.gfile.GFile(posixpath.join(place, DONE)) as file:
                    notes: dict[str, Any] = json.loads(file.read())
                self._assign(posixpath.join(place, "variables"))
            # What TensorFlow's reader raises depends on which bytes are wrong.
            except (tf.errors.OpError, ValueError, LookupError, RuntimeError) as error:
                reason = str(error).splitlines()[0]
                LOGGER.warning("%s is damaged, the one before is taken: %s", place, reason)
                continue
            return notes
        return {"step": 0}

    def remove(self) -> None:
        """Remove all of them: the run has ended well."""
        if self._is_chief and tf.io.gfile.isdir(self._folder):
            tf.io.gfile.rmtree(self._folder)

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
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
        status = self._checkpoint.read(path)
        try:
            status.assert_consumed()
        except AssertionError as error:
            raise ValueError("it is of another model") from error
