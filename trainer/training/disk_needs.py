"""List what a training run will write to the disks of this machine."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from schema.system import disk
from schema.system.disk import Need
from trainer.training.checkpoints import Checkpoints
from trainer.training.step import TrainableDualEncoder

# Graphs, vocabularies, curves and reports: measured 3 MB of the smallest networks, twice that as a
# release with its index.
BESIDE_WEIGHTS = 20_000_000  # bytes
COPIES_OF_WEIGHTS = 2  # the joint model holds both towers, and each is exported alone too


def disk_needs(
    model: TrainableDualEncoder, checkpoints: Checkpoints | None, exports: str | None
) -> Iterator[Need]:
    """List what a run will write to the disks of this machine.

    It is known as soon as the networks are built, not an hour later. A folder of releases counts if
    `disk.written` noted it, since this node is not given its path.

    Args:
        model: built, with its optimizer.
        checkpoints: of the run; None: it keeps none.
        exports: folder of the exported models; None: none are.
    """
    if checkpoints is not None and is_local(checkpoints.folder):
        yield Need(Path(checkpoints.folder), checkpoints.still_needed, "checkpoints")
    if exports is None:
        return
    models = COPIES_OF_WEIGHTS * _bytes_of(model.variables) + BESIDE_WEIGHTS
    if is_local(exports):
        yield Need(Path(exports), models, "the exported models")
    releases = disk.written_folders().get(disk.RELEASES)
    if releases is not None:
        yield Need(releases, models, "the release")


def _bytes_of(variables: Iterable) -> int:
    """Return the size of Keras variables."""
    return sum(
        variable.value.shape.num_elements() * variable.value.dtype.size for variable in variables
    )


def is_local(folder: str) -> bool:
    """Return whether a folder is on a file system of this machine."""
    return "://" not in folder
