"""Which characters a path may not have, because a library takes them for something else."""

import tempfile
from collections.abc import Iterator

from pipeline.config import RunConfig

# Beam and TensorFlow list files by patterns and have no way to say that a `[` is a `[`; with `?`
# and `*` they also read what lies in a folder with a similar name.
PATTERN = "*?[\\"
# TensorFlow decodes the path of a SavedModel's asset as ASCII while it writes it.
ASCII_ONLY = ("workspace",)


def faults(config: RunConfig) -> Iterator[str]:
    """What stands in the way of a run, one sentence for each path with the remedy.

    The data, the config file and everything else may lie in folders of any name.
    """
    for key, path, remedy in (
        ("workspace", config.workspace, "set workspace to another folder; the data may stay"),
        ("push.path", config.push.path, "set push.path to another folder"),
        ("TMPDIR", tempfile.gettempdir(), "set the variable TMPDIR to another folder"),
    ):
        found = sorted({character for character in path if character in PATTERN})
        if found:
            listed = " and ".join(found)
            yield f"{key} = {path}: Beam and TensorFlow read {listed} as a pattern; {remedy}"
        strange = sorted({character for character in path if not character.isascii()})
        if strange and key in ASCII_ONLY:
            listed = " and ".join(strange)
            yield f"{key} = {path}: TensorFlow cannot write a model below {listed}; {remedy}"
