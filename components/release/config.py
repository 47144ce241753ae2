"""The `push` and `registry` sections of the config."""

from typing import Annotated

from pydantic import Field

from schema.config.section import Frozen


class Keep(Frozen):
    """How many releases to keep; the champion and the release before it are always kept."""

    champions: Annotated[int, Field(ge=2)] = 5
    """Releases that served, the champion included."""

    refused: Annotated[int, Field(ge=1)] = 10
    """Releases that never served."""


class PushConfig(Frozen):
    """Where releases are stored and served from."""

    path: str
    """Folder of releases, audit log and models.config; relative to the config file."""

    served_from: str | None = None
    """The same folder as TensorFlow Serving sees it, such as /models in its container; default:
    `path`."""

    keep: Keep | None = None
    """Remove older releases, files and registry together, after a release; default: keep all."""


class RegistryConfig(Frozen):
    """The MLflow registry that shows the releases."""

    uri: str | None = None
    """MLflow tracking URI; default: a SQLite file beside the releases."""
