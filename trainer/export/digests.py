"""Digests for caches: of the files that a config names, of a run's code and data.

A cache that compares configs sees a path or a dotted name, but not that its content has changed.
"""

import hashlib
import json
import posixpath
from collections.abc import Iterable, Sequence
from pathlib import Path

import tensorflow as tf

from schema.config.section import canonical_json
from schema.errors import InputError
from schema.system.source_files import own_files, source_files
from trainer.config.config_paths import endings_of, named_sources, read_beside
from trainer.config.trainer import TrainerConfig
from trainer.config.transform import TransformConfig
from trainer.losses.custom import CustomConfig
from trainer.towers.keras_hub import preset_folder
from trainer.weights import places
from trainer.weights.source import Kind, Source

CHUNK = 1 << 20  # bytes read at once


def content_digests(config: TransformConfig) -> dict[str, str]:
    """Compute digests of the files, folders, presets and source code that a config names.

    Files that this machine does not see, such as those of a pod's volume, are left out: the node
    that uses them reports missing ones. So are the weights `cache:imagenet`, files of Keras's own
    cache whose names contain their version.

    Args:
        config: the trainer's, or Transform's part of it.

    Returns:
        Digests by key of the config, such as 'model.text_tower.weights'.
    """
    digests = {}
    for key, source in named_sources(config).items():
        digest = _digest_of(key, source, endings_of(config, key), read_beside(config, key))
        if digest is not None:
            digests[key] = digest
    digests |= plugin_digests(config.plugins)
    if isinstance(config, TrainerConfig) and isinstance(config.loss, CustomConfig):
        digests["loss.function"] = digest_of_files(source_files(config.loss.module))
    return digests


def plugin_digests(plugins: Iterable[str]) -> dict[str, str]:
    """Digest the source of each plugin, by its dotted name, and of what it imports."""
    return {name: digest_of_files(source_files(name)) for name in plugins}


def digest_of_files(paths: Iterable[Path]) -> str:
    """Compute a digest of the contents of local files, in their order."""
    return _digest((path.name, str(path)) for path in paths)


def code_digest(module: str) -> str:
    """Compute a digest of the source of a module of ours and of all that it imports."""
    return digest_of_files(path for _, path in sorted(own_files([module]).items()))


def run_fingerprint(
    config: TrainerConfig, files: Sequence[str], *others: str, module: str = "trainer.run"
) -> str:
    """Compute a digest of everything that decides what a run learns.

    Args:
        config: the trainer's; the content of the files that it names counts too.
        files: of the train split; written once, so their names are enough.
        others: anything else that matters to the caller.
        module: whose source and imports count, since other code may train differently.
    """
    content = json.dumps(content_digests(config), sort_keys=True)
    parts = (canonical_json(config), content, code_digest(module), *others, *files)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _digest_of(
    key: str, source: Source, endings: Sequence[str], beside: Sequence[str]
) -> str | None:
    try:
        place = _place(key, source, endings)
        if place is None:
            return None
        if tf.io.gfile.isdir(place):
            return _digest_of_tree(place)
        names = [posixpath.basename(place), *beside]
        files = [(name, posixpath.join(posixpath.dirname(place), name)) for name in names]
        return _digest(files[:1] + [file for file in files[1:] if tf.io.gfile.exists(file[1])])
    except (InputError, tf.errors.OpError):
        return None


def _place(key: str, source: Source, endings: Sequence[str]) -> str | None:
    """Return the path to digest: of a release only the tower, of a preset its folder.

    Of a package it is the file of weights, with what lies beside it and says what they are.
    """
    name = source.name
    match source.kind:
        case Kind.RELEASE:
            return places.saved_tower(key.split(".")[1], name)
        case Kind.PACKAGE:
            return posixpath.dirname(places.file_of(key, source, endings))
        case _ if key.endswith(".preset"):
            return name if tf.io.gfile.exists(name) else preset_folder(name, key)
        case Kind.CACHE:
            return None
        case _:
            return name


def _digest_of_tree(root: str) -> str:
    """Compute a digest of all files below a folder with their names."""
    files = [
        posixpath.join(folder, name)
        for folder, _, names in tf.io.gfile.walk(root)
        for name in names
        if not name.endswith(".pyc")  # Python writes these beside the weights of a package
    ]
    return _digest((posixpath.relpath(path, root), path) for path in sorted(files))


def _digest(files: Iterable[tuple[str, str]]) -> str:
    """Compute a digest of files by (name, path)."""
    digest = hashlib.sha256()
    for name, path in files:
        content = hashlib.sha256()
        with tf.io.gfile.GFile(path, "rb") as file:
            while chunk := file.read(CHUNK):
                content.update(chunk)
        digest.update(f"{name}\n{content.hexdigest()}\n".encode())
    return digest.hexdigest()[:16]
