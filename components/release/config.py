"""The `push` and `registry` sections of the config."""

from trainer.config import Frozen


class PushConfig(Frozen):
    """Where releases lie and who serves them."""

    path: str  # folder of releases, journal and models.config; relative to the config file
    # The same folder as TensorFlow Serving sees it, e.g. /models in its container; default: path.
    served_from: str | None = None


class RegistryConfig(Frozen):
    """The MLflow registry that numbers the releases."""

    # Any MLflow tracking URI; default: a sqlite file beside the releases.
    uri: str | None = None
