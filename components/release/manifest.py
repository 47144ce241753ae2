"""What a release holds, file by file, so that damage is seen before it is served."""

import hashlib
from pathlib import Path

from pydantic import ValidationError

from components.evaluation.verdict import GateResult
from schema.errors import InputError
from schema.served import MODELS
from trainer.config import Frozen

FILE = "release.json"
BLOCK = 1 << 20  # bytes


class Manifest(Frozen):
    """Everything there is to say about a release but its number, which the registry gives."""

    pipeline: str  # name of the config that made it
    run: str  # id of the run that made it
    created: float  # seconds since 1970
    model_digest: str  # of the three models; the same model is never released twice
    baseline: int | None  # the release it was compared with
    gates: tuple[GateResult, ...]  # how each one went, in a sentence
    data: dict[str, str]  # span, version and fingerprint of the data
    config: dict[str, str | int | float | bool | None]  # flattened, 'training.epochs': 32
    metrics: dict[str, float]  # over all queries
    curves: dict[str, tuple[tuple[int, float], ...]]  # (step, value) of training, by name
    files: dict[str, str]  # SHA-256 by path below the release, without the models' number

    @property
    def passed(self) -> bool:
        """Whether every gate held."""
        return all(gate.passed for gate in self.gates)


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a release, by its path.

    A model lies in `joint/7` within release 7; its path leaves the number out.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path != folder / FILE:
            found[_name(path.relative_to(folder))] = digest(path)
    return found


def _name(path: Path) -> str:
    parts = path.parts
    return "/".join(parts[:1] + parts[2:] if parts[0] in MODELS else parts)


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            found.update(block)
    return found.hexdigest()


def combined(files: dict[str, str]) -> str:
    """One digest for several files."""
    lines = "".join(f"{name} {files[name]}\n" for name in sorted(files))
    return hashlib.sha256(lines.encode()).hexdigest()


def read(release: Path) -> Manifest:
    """The manifest of a release.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    path = release / FILE
    try:
        return Manifest.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{release}: is no release; {FILE} is missing") from None
    except (ValidationError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is damaged and cannot be read") from error


def verify(release: Path, manifest_digest: str | None = None) -> Manifest:
    """Compare every file of a release with its digest.

    Args:
        release: its folder.
        manifest_digest: of the manifest itself, as the registry keeps it.

    Raises:
        InputError: names the first file that is missing, changed or was not there.
    """
    manifest = read(release)
    if manifest_digest is not None and digest(release / FILE) != manifest_digest:
        raise InputError(f"{release / FILE}: differs from what the registry recorded")
    found = digests(release)
    for name, expected in manifest.files.items():
        if name not in found:
            raise InputError(f"{release}: the file {name} is missing")
        if found[name] != expected:
            raise InputError(f"{release}: the file {name} was changed after its release")
    for name in found.keys() - manifest.files.keys():
        raise InputError(f"{release}: the file {name} was added after its release")
    return manifest
