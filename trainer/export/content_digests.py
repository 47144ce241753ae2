"""Digests of what a config only points to: files, folders, presets, the source of a loss.

A cache that compares configs sees a path or a dotted name, and not that something else stands
there now.
"""

import hashlib
import posixpath
from collections.abc import Iterable
from pathlib import Path

import tensorflow as tf

from schema.errors import InputError
from schema.system.source_files import source_files
from trainer.config.config_paths import named_files
from trainer.config.keras_hub_preset import folder_of
from trainer.config.loss import CustomConfig
from trainer.config.model import TrainerConfig, TransformConfig
from trainer.export.initial_weights import saved_tower

CHUNK = 1 << 20  # bytes read at once


def content_digests(config: TransformConfig) -> dict[str, str]:
    """Digest what each key of a config leads to.

    Files that are not visible from here, such as those of a pod's volume, are left out: whoever
    uses them says that they are missing. So are weights 'imagenet', files of Keras's own cache
    whose names carry their version.

    Args:
        config: the trainer's, or Transform's part of it, which leads to less.

    Returns:
        Digests by key of the config, such as 'model.text_tower.start_from'.
    """
    found = {}
    for key, name in named_files(config, with_presets=True).items():
        digest = _digest_of(key, name)
        if digest is not None:
            found[key] = digest
    found |= plugin_digests(config.plugins)
    if isinstance(config, TrainerConfig) and isinstance(config.loss, CustomConfig):
        found["loss.function"] = digest_of_files(source_files(config.loss.module))
    return found


def plugin_digests(plugins: Iterable[str]) -> dict[str, str]:
    """Digest the source of each plugin, by its dotted name, and of what it imports."""
    return {name: digest_of_files(source_files(name)) for name in plugins}


def digest_of_files(paths: Iterable[Path]) -> str:
    """Digest of the contents of local files, in their order."""
    return _digest((path.name, str(path)) for path in paths)


def trainer_code() -> str:
    """Digest of the source of this package: other code may train otherwise."""
    return digest_of_files(sorted(Path(__file__).parents[1].rglob("*.py")))


def _digest_of(key: str, name: str) -> str | None:
    try:
        return _digest_of_tree(_place(key, name))
    except (InputError, tf.errors.OpError):
        return None


def _place(key: str, name: str) -> str:
    """Where what a key names lies: of a release the tower alone, of a preset its folder."""
    match key.split("."):
        case ["model", tower, "start_from"]:
            return saved_tower(tower, name)
        case [*_, "preset"]:
            return folder_of(name, key)
        case _:
            return name


def _digest_of_tree(root: str) -> str:
    """Digest of a file, or of all files below a folder with their names."""
    if not tf.io.gfile.isdir(root):
        return _digest([(posixpath.basename(root), root)])
    files = [
        posixpath.join(folder, name)
        for folder, _, names in tf.io.gfile.walk(root)
        for name in names
    ]
    return _digest((posixpath.relpath(each, root), each) for each in sorted(files))


def _digest(files: Iterable[tuple[str, str]]) -> str:
    """Digest of files by (name, path)."""
    found = hashlib.sha256()
    for name, path in files:
        content = hashlib.sha256()
        with tf.io.gfile.GFile(path, "rb") as file:
            while chunk := file.read(CHUNK):
                content.update(chunk)
        found.update(f"{name}\n{content.hexdigest()}\n".encode())
    return found.hexdigest()[:16]
