"""Check the disks that a run on this machine writes to."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from pipeline.config.run_config import RunConfig
from schema.errors import UnavailableError
from schema.system import disk, file_errors
from schema.system.disk import Need

# What the smallest run writes, and a little more: its data and networks come on top, and those of
# the networks are asked for when the Trainer knows them.
LEAST = {disk.WORKSPACE: 30_000_000, disk.RELEASES: 20_000_000, disk.TEMPORARY: 10_000_000}
LEAST_FILES = {disk.WORKSPACE: 400, disk.RELEASES: 200, disk.TEMPORARY: 50}


@contextlib.contextmanager
def of_run(config: RunConfig) -> Iterator[None]:
    """Check that a run can start, and say on which disk it failed if one is full meanwhile.

    Raises:
        UnavailableError: a disk has less space than the smallest run needs, or no space was left.
    """
    keys = {disk.WORKSPACE: Path(config.workspace), disk.RELEASES: Path(config.push.path)}
    with disk.written(keys):
        disk.require(
            Need(folder, LEAST[key], key, LEAST_FILES[key])
            for key, folder in disk.written_folders().items()
        )
        try:
            yield
        except OSError as error:
            reason = file_errors.sentence(error)
            if reason is None:
                raise
            raise UnavailableError(reason) from error
