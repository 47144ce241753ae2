"""The `push` and `registry` sections of the config."""

from typing import Annotated

from pydantic import Field

from schema.config.section import Frozen


class Keep(Frozen):
    """How many releases stay; the champion and the way back always do."""

    champions: Annotated[int, Field(ge=2)] = 5  # that served, the one that serves included
    refused: Annotated[int, Field(ge=1)] = 10  # that never served


class PushConfig(Frozen):
    """Where releases lie and who serves them."""

    path: str  # folder of releases, audit log and models.config; relative to the config file
    # The same folder as TensorFlow Serving sees it, e.g. /models in its container; default: path.
    served_from: str | None = None
    # After a release, older ones are removed, files and registry together; default: all stay.
    keep: Keep | None = None


class RegistryConfig(Frozen):
    """The MLflow registry that shows the releases."""

    # Any MLflow tracking URI; default: a sqlite file beside the releases.
    uri: str | None = None
