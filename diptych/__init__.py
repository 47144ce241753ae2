"""Train, gate and serve pairs of image and text towers: the interface for Python programs.

Importing this package is fast: TensorFlow and NumPy are imported by the first use of a name that
needs them. `load` and what it returns need no TFX: `pip install diptych[client]` is enough.

Example:
    >>> import diptych
    >>> release = diptych.load("runs/emoji/serving")  # doctest: +SKIP
    >>> release.search("red apple", k=3)  # doctest: +SKIP
    >>> photos = release.index("photos")  # doctest: +SKIP
    >>> photos.search(release.embed_texts(["a red flower"])[0], 5)  # doctest: +SKIP
"""

import importlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from components.catalogue_index.index import CatalogueIndex
    from components.evaluator.ranking import ranking
    from components.release.store import ReleaseStore
    from diptych import extend, losses
    from diptych.client.collection import Collection, Hit
    from diptych.client.folder_index.folder_index import FolderIndex
    from diptych.client.images import ImageInput
    from diptych.client.release import Release
    from pipeline.config.run_config import RunConfig
    from schema.errors import InputError

    __version__: str

__all__ = [
    "CatalogueIndex",
    "Collection",
    "FolderIndex",
    "Hit",
    "ImageInput",
    "InputError",
    "Release",
    "ReleaseStore",
    "__version__",
    "extend",
    "load",
    "load_config",
    "losses",
    "open_index",
    "open_releases",
    "ranking",
]

# The packages that Diptych consists of. Other projects have packages of these names, too.
PACKAGES = ("schema", "trainer", "components", "pipeline", "kubeflow")
MODULES = {
    "extend": "diptych.extend",
    "losses": "diptych.losses",
    "ranking": "components.evaluator.ranking.ranking",
}
CLASSES = {
    "CatalogueIndex": "components.catalogue_index.index",
    "Collection": "diptych.client.collection",
    "FolderIndex": "diptych.client.folder_index.folder_index",
    "Hit": "diptych.client.collection",
    "ImageInput": "diptych.client.images",
    "InputError": "schema.errors",
    "Release": "diptych.client.release",
    "ReleaseStore": "components.release.store",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("diptych")
    if name in MODULES:
        return importlib.import_module(MODULES[name])
    if name in CLASSES:
        return getattr(importlib.import_module(CLASSES[name]), name)
    raise AttributeError(f"module 'diptych' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


def load(source: str | Path, token: str | None = None) -> "Release":
    """Load a release, to embed, compare and search images and texts.

    Args:
        source: a serving folder, such as 'runs/emoji/serving': the release that serves; the folder
            of one release, such as 'runs/emoji/serving/releases/3'; or the URL of a model that
            TensorFlow Serving serves, 'http://host:8501/v1/models/emoji' (REST) or
            'grpc://host:8500/emoji', with https or grpcs over TLS. Its version is the newest one
            that is ready, unless the URL ends in '/versions/3'.
        token: sent to a server as a bearer token. Default: none.

    Returns:
        The release. A model that is served elsewhere has no index of its own.

    Raises:
        InputError: there is no release, its files are damaged, or the server does not answer.
    """
    from diptych.client.load import load as load_release

    return load_release(source, token)


def load_config(file: str | Path) -> "RunConfig":
    """Read the YAML file that describes a run.

    Args:
        file: its path.

    Returns:
        The config; its paths are resolved against the folder of the file.

    Raises:
        InputError: the file cannot be read, or a value in it is not valid.
    """
    from pipeline.config.run_config import load

    return load(Path(file))


def open_index(release: str | Path) -> "CatalogueIndex":
    """Open the index of the catalogue in a release.

    The keys are those of the records, and the vectors those of the image tower of this release, so
    queries must be embedded by the `embed_text` or `embed_image` signature of the same release.

    Args:
        release: folder of the release, e.g. 'runs/emoji/serving/releases/1'.

    Returns:
        The index; its vectors and its graph stay in their files.

    Raises:
        InputError: a file of the index is missing, damaged, or does not match the others.
    """
    from components.catalogue_index.index import CatalogueIndex

    return CatalogueIndex.load(Path(release) / "index")


def open_releases(config: "str | Path | RunConfig") -> "ReleaseStore":
    """Open the releases of a run.

    Args:
        config: of the run, or the path of its YAML file.

    Returns:
        The store: `champion()` is the number of the release that serves, `promote` and `rollback`
        change it.

    Raises:
        InputError: the config is not valid, or `push.path` cannot be used.
    """
    from components.release.store import open_store

    loaded = load_config(config) if isinstance(config, str | Path) else config
    return open_store(loaded.model_dump())


def _refuse_hidden_packages() -> None:
    """Raise an ImportError if a package of another project hides one of ours."""
    root = Path(__file__).resolve().parents[1]
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        folders = list(spec.submodule_search_locations or ()) if spec else []
        if not any(Path(folder).resolve() == root / name for folder in folders):
            origin = spec.origin if spec else None
            raise ImportError(
                f"the package {name} in {origin} is of another project and hides Diptych's; "
                f"install Diptych as a wheel, or put {root} first in PYTHONPATH"
            )


_refuse_hidden_packages()
