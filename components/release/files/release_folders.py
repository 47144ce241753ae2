"""The folders of the releases, by number, and models.config beside them."""

import contextlib
import os
import shutil
from pathlib import Path

from components.release.files import atomic_files, manifest, model_config_file
from components.release.files.manifest import Manifest
from schema.errors import InputError, UnavailableError
from schema.serving_names import MODELS

NEW = "new"  # in place of the number, while a release has none


class ReleaseFolders:
    """Releases by number.

    Args:
        folder: holds `releases/N`, each with the models in `joint/N` and so on.
        pipeline: name of the joint model for TensorFlow Serving.
        served_from: the folder as TensorFlow Serving sees it; default: as we do.
    """

    def __init__(self, folder: Path, pipeline: str, served_from: str | None = None):
        self._folder, self.pipeline = folder, pipeline
        self.releases = folder / "releases"
        self._served_from = f"{served_from or folder.resolve()}/releases"

    def path(self, number: int) -> Path:
        """Return the folder of a release."""
        return self.releases / str(number)

    def model(self, number: int, model: str) -> Path:
        """Return the SavedModel of a release; `model` is one of `schema.serving_names.MODELS`."""
        return self.path(number) / model / str(number)

    def names(self) -> list[str]:
        """Return every entry of the folder but the hidden ones, in the order of the numbers."""
        try:
            names = [p.name for p in self.releases.iterdir() if not p.name.startswith(".")]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise InputError(f"{self.releases}: cannot be read: {error.strerror}") from error
        return sorted(names, key=lambda n: (number_of_name(n) or 0, n))

    def numbers(self) -> list[int]:
        """Return every number that is taken, ascending."""
        return [n for n in map(number_of_name, self.names()) if n is not None]

    def number_models(self, folder: Path, content: Manifest) -> None:
        """Give the models of a new release its number, and write its manifest."""
        for model in MODELS:
            (folder / model / NEW).rename(folder / model / str(content.release))
            atomic_files.flush(folder / model)
        text = content.model_dump_json(indent=1)
        (folder / manifest.FILE).write_text(text + "\n", encoding="utf-8")
        atomic_files.flush(folder / manifest.FILE)
        atomic_files.flush(folder)

    def free_number(self, first: int) -> int:
        """Return the first number from `first` on that no entry of the folder has.

        A folder that somebody else put there, such as 20261126, does not raise the numbers to its
        own.
        """
        number = first
        while os.path.lexists(self.path(number)):
            number += 1
        return number

    def prepare(self, size: int) -> None:
        """Make the folder, remove litter, and refuse a release that the disk has no room for.

        Args:
            size: bytes that the release needs.

        Raises:
            UnavailableError: says how many bytes are needed and how many are free.
        """
        self.releases.mkdir(parents=True, exist_ok=True)
        atomic_files.sweep(self.releases)
        free = shutil.disk_usage(self.releases).free
        if free < size:
            raise UnavailableError(
                f"{self.releases}: the disk is full: the release needs {size / 1e6:,.0f} MB, and "
                f"{free / 1e6:,.0f} MB are free; the release that serves is unchanged"
            )

    def place(self, folder: Path, number: int) -> None:
        """Rename a folder to its number, in one step; it replaces a damaged release there."""
        if os.path.lexists(self.path(number)):
            self.remove(number)
        self.move(folder, self.path(number))

    def take_back(self, number: int, folder: Path) -> None:
        """Undo `place`."""
        self.path(number).rename(folder)

    def move(self, here: Path, there: Path) -> None:
        """Move a folder below the releases, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            here.rename(there)
        atomic_files.flush(self.releases)

    def remove(self, number: int) -> None:
        """Remove a release: hide it in one step, then delete its files."""
        with atomic_files.incoming(self.releases) as trash:
            self.path(number).rename(trash / str(number))
            atomic_files.flush(self.releases)
            shutil.rmtree(trash, ignore_errors=True)

    def verified(self, number: int, manifest_digest: str | None) -> Manifest:
        """Return the manifest of a release, after every file was compared with its digest.

        Args:
            number: of the release.
            manifest_digest: SHA-256 of its manifest, by the audit log; None: not compared.

        Raises:
            InputError: there is no such release, or it differs from its manifest; names the file.
        """
        return manifest.verify(self.existing(number), manifest_digest, number)

    def manifest_digest(self, number: int) -> str | None:
        """Return the SHA-256 of a release's manifest; None if it has none."""
        path = self.path(number) / manifest.FILE
        return manifest.digest(path) if path.is_file() else None

    def existing(self, number: int) -> Path:
        """Return the folder of a release.

        Raises:
            InputError: it is not there.
        """
        if not self.is_there(number):
            raise InputError(f"there is no release {number} in {self.releases}")
        return self.path(number)

    def is_there(self, number: int) -> bool:
        """Say whether there is a folder of this number.

        Raises:
            InputError: the folder cannot be read.
        """
        try:
            return _is_possible(number) and self.path(number).is_dir()
        except OSError as error:
            raise InputError(f"{self.path(number)}: cannot be read: {error.strerror}") from error

    def serving(self) -> int | None:
        """Return the release that models.config names."""
        return model_config_file.number(self._folder)

    def serving_name(self) -> str | None:
        """Return the pipeline whose models models.config names."""
        return model_config_file.name(self._folder)

    def serve(self, number: int) -> None:
        """Make models.config name a release."""
        content = model_config_file.text(self.pipeline, self._served_from, number)
        model_config_file.write(self._folder, content)

    def serve_again(self, number: int | None) -> None:
        """Make models.config name what it named before; remove it if that was None."""
        if number is None:
            (self._folder / model_config_file.FILE).unlink(missing_ok=True)
        else:
            self.serve(number)


def number_of_name(name: str) -> int | None:
    """Return the number that a folder's name stands for; '7' does, '07' and '٧' do not."""
    plain = name.isascii() and name.isdecimal() and not name.startswith("0") and len(name) < 10
    return int(name) if plain else None


def _is_possible(number: int) -> bool:
    return 0 < number < 10**9
