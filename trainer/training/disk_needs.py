"""What a training run will write, known as soon as its networks are built and not an hour later."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from schema.system import disk
from schema.system.disk import Need
from trainer.models.dual_encoder import DualEncoder
from trainer.training.checkpoints import Checkpoints

# Graphs, vocabularies, curves and reports: measured 3 MB of the smallest networks, twice that as a
# release with its index.
BESIDE_WEIGHTS = 20_000_000
# The joint model holds both towers, and each is exported alone too.
COPIES = 2


def needs(
    model: DualEncoder, checkpoints: Checkpoints | None, exports: str | None
) -> Iterator[Need]:
    """List what has to fit on the disks of this machine.

    A folder of releases counts if `disk.written` noted it, since this node is not told where it is.

    Args:
        model: built, with its optimizer.
        checkpoints: of the run; None: it keeps none.
        exports: folder of the exported models; None: none are.
    """
    if checkpoints is not None and _is_local(checkpoints.folder):
        yield Need(Path(checkpoints.folder), checkpoints.still_needed, "checkpoints")
    if exports is None:
        return
    models = COPIES * _size(model.variables) + BESIDE_WEIGHTS
    if _is_local(exports):
        yield Need(Path(exports), models, "the exported models")
    releases = disk.written_folders().get(disk.RELEASES)
    if releases is not None:
        yield Need(releases, models, "the release")


def _size(variables: Iterable) -> int:
    """Bytes of Keras variables."""
    return sum(each.value.shape.num_elements() * each.value.dtype.size for each in variables)


def _is_local(folder: str) -> bool:
    return "://" not in folder
