"""The folder that holds the releases, and models.config beside it."""

from pathlib import Path

from components.release import files, manifest, serving_config
from components.release.manifest import Manifest
from schema.errors import InputError
from schema.served import MODELS

NEW = "new"  # in place of the number, while a release has none


class Shelf:
    """Releases by number.

    Args:
        folder: holds `releases/N`, each with the models in `joint/N` and so on.
        pipeline: name of the joint model for TensorFlow Serving.
        served_from: the folder as TensorFlow Serving sees it; default: as we do.
    """

    def __init__(self, folder: Path, pipeline: str, served_from: str | None = None):
        self._folder, self._pipeline = folder, pipeline
        self.releases = folder / "releases"
        self._served_from = f"{served_from or folder.resolve()}/releases"

    def path(self, number: int) -> Path:
        """The folder of a release."""
        return self.releases / str(number)

    def model(self, number: int, model: str) -> Path:
        """The SavedModel of a release; `model` is one of `schema.served.MODELS`."""
        return self.path(number) / model / str(number)

    def numbers(self) -> list[int]:
        """Every number that is taken, ascending."""
        return sorted(int(p.name) for p in self.releases.glob("*") if p.name.isdecimal())

    def place(self, folder: Path, number: int) -> None:
        """Give a folder its number, in one step for whoever watches the releases."""
        for model in MODELS:
            [inner] = (folder / model).iterdir()
            inner.rename(inner.with_name(str(number)))
            files.flush(folder / model)
        folder.rename(self.path(number))
        files.flush(self.releases)

    def verified(self, number: int, manifest_digest: str | None) -> Manifest:
        """The manifest of a release, after every file was compared with its digest.

        Raises:
            InputError: there is no such release, or a file differs; names it.
        """
        return manifest.verify(self.found(number), manifest_digest)

    def found(self, number: int) -> Path:
        """The folder of a release that must be there, or InputError."""
        if not self.path(number).is_dir():
            raise InputError(f"there is no release {number} in {self.releases}")
        return self.path(number)

    def serving(self) -> int | None:
        """The release that models.config names."""
        return serving_config.number(self._folder)

    def serve(self, number: int) -> None:
        """Have models.config name a release."""
        content = serving_config.text(self._pipeline, self._served_from, number)
        serving_config.write(self._folder, content)
