"""Find the release that a path names: of what serves, or by its own folder."""

import dataclasses
from pathlib import Path

from components.release.files import manifest, model_config_file
from components.release.files.manifest import Manifest
from components.release.files.release_folders import ReleaseFolders
from schema.errors import InputError
from schema.serving_names import JOINT
from schema.system import file_errors

_SAVED_MODEL = "saved_model.pb"


@dataclasses.dataclass(frozen=True)
class ReleaseSource:
    """A release whose model was compared with its manifest.

    Attributes:
        folder: of the release.
        manifest: what it holds.
    """

    folder: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        """Return the pipeline and the number: 'emoji release 3'."""
        return f"{self.manifest.pipeline} release {self.manifest.release}"

    @property
    def model(self) -> Path:
        """Return the folder of the joint SavedModel."""
        return self.folder / JOINT / str(self.manifest.release)


def find(source: str | Path) -> ReleaseSource:
    """Find a release and check the files of its joint model.

    Args:
        source: the folder of one release, or a serving folder, whose `models.config` names the
            release that TensorFlow Serving loads.

    Raises:
        InputError: there is no release there, or a file of its model is missing or was changed.
    """
    folder = _release_folder(Path(source))
    content = manifest.read(folder)
    _verify_model(folder, content)
    return ReleaseSource(folder, content)


def _release_folder(path: Path) -> Path:
    try:
        is_folder = path.is_dir()
        if is_folder and (path / manifest.FILE).exists():
            return path
        if is_folder and (path / model_config_file.FILE).exists():
            return _serving(path)
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        sentence = file_errors.sentence(error) or f"{path!r}: cannot be used: {error}"
        raise InputError(sentence) from error
    if not is_folder:
        what = "is not a folder" if path.exists() else "is not there"
        raise InputError(
            f"{path}: {what}; name the folder of what serves, such as runs/emoji/serving, the "
            "folder of one release, or the URL of a served model"
        )
    raise InputError(f"{path}: is not a release and not a serving folder{_hint(path)}")


def _serving(path: Path) -> Path:
    number = model_config_file.number(path)
    if number is None:
        raise InputError(f"{path / model_config_file.FILE}: names no release")
    folders = ReleaseFolders(path, "")
    if not folders.is_there(number):
        raise InputError(
            f"{path}: release {number} serves by {model_config_file.FILE}, but its folder "
            f"{folders.path(number)} is not there"
        )
    return folders.path(number)


def _hint(path: Path) -> str:
    """Return a clause that names what was probably meant; may be empty."""
    if (path / _SAVED_MODEL).exists() and (path.parents[1] / manifest.FILE).exists():
        return f"; it is a model of the release {path.parents[1]}"
    inside = path / "serving"
    if (inside / model_config_file.FILE).exists():
        return f"; did you mean {inside}?"
    numbers = ReleaseFolders(path, "").numbers()
    if numbers:
        return (
            f"; no release serves, because {model_config_file.FILE} is not there: name one of the "
            f"releases, such as {path / 'releases' / str(numbers[-1])}"
        )
    return ""


def _verify_model(folder: Path, content: Manifest) -> None:
    """Compare the files of the joint model with the manifest.

    Raises:
        InputError: names the first file that is missing or was changed.
    """
    prefix = f"{JOINT}/{content.release}/"
    names = [name for name in content.files if name.startswith(prefix)]
    if not names:
        raise InputError(f"{folder}: its manifest has no files of the model {JOINT}")
    for name, value in sorted(manifest.digests_of(folder, names).items()):
        if value != content.files[name]:
            raise InputError(f"{folder}: the file {name} was changed after its release")
