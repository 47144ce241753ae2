"""Open what is searched: the model of a release, over its own index or over a folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from diptych.search.engine import Engine
from schema.errors import InputError
from schema.text.messages import number_of

Progress = Callable[[int, int], None]
Opened = tuple[Engine, str, list[str]]


def open_engine(source: str, folder: Path | None, progress: Progress | None = None) -> Opened:
    """Open one release.

    Args:
        source: a serving folder, the folder of a release, or the URL of a model server.
        folder: of the images to search; None: the release's own index.
        progress: called with how many images of the folder are embedded, and of how many.

    Returns:
        The engine, what its collection is called, and a sentence for each image of the folder that
        cannot be searched.

    Raises:
        InputError: there is no such release, or nothing to search in.
    """
    import diptych

    release: Any = diptych.load(source)
    if folder is None:
        collection, name = release.catalogue(), f"index of {release.name}"
    else:
        collection, name = release.index(folder, progress), str(folder)
    engine = Engine(release, collection)
    if not len(collection.keys):
        raise InputError(f"{name}: holds no image that can be searched")
    return engine, name, [f"{file}: {reason}" for file, reason in engine.failures.items()]


def describe(engine: Engine, name: str) -> str:
    """Describe what is searched: 'emoji release 1 over 1,528 images, pictures'."""
    images = number_of(len(engine.collection.keys), "image")
    return f"{engine.model.name}: {images} ({name})"
