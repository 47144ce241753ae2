"""Towers of keras.applications, and the weights they may start with."""

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType

import keras
from keras.src.utils import file_utils  # where keras.applications look for a function to download

from schema.errors import InputError
from trainer.config.pretrained import KerasApplicationConfig
from trainer.models.backbone import Backbone

KEY = "model.image_tower.weights"


def body(config: KerasApplicationConfig, pixels: keras.KerasTensor) -> keras.KerasTensor:
    """Pixels [n, size, size, 3] in -1 to 1 to features [n, f]; the weights are new."""
    network = _build(config, None, pixels.shape[1])
    # Each family wants pixels of its own kind, and says how to make them of 0 to 255.
    told = _family(config).preprocess_input((pixels + 1.0) * 127.5)
    return Backbone(network, held=config.frozen and config.spares_projection)(told)


def load(config: KerasApplicationConfig, network: keras.Model) -> None:
    """Give a network the weights of its config.

    Raises:
        InputError: the file is not there or is of another network.
    """
    try:
        if config.weights == "imagenet":
            with _only_from_cache(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that no weights fit this size of image exactly
                source = _build(config, "imagenet", network.input_shape[1])
            network.set_weights(source.get_weights())
            return
        assert config.weights is not None
        if not os.path.isfile(config.weights):
            raise InputError(f"{KEY} = {config.weights}: no such file")
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # of layers that would stay as they are
            network.load_weights(config.weights)
    except (ValueError, OSError, LookupError, UserWarning) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{KEY} = {config.weights} does not fit {config.name}: {reason}"
        ) from error


def _builder(config: KerasApplicationConfig) -> Callable[..., keras.Model]:
    return getattr(keras.applications, config.name)


def _build(config: KerasApplicationConfig, weights: str | None, size: int) -> keras.Model:
    return _builder(config)(
        include_top=False, weights=weights, input_shape=(size, size, 3), pooling="avg"
    )


def _family(config: KerasApplicationConfig) -> ModuleType:
    return getattr(keras.applications, _builder(config).__module__.rpartition(".")[2])


@contextlib.contextmanager
def _only_from_cache() -> Iterator[None]:
    """Let keras.applications find files in Keras's cache, and download none."""

    def find(
        name: str, origin: str, cache_subdir: str = "models", file_hash: str | None = None
    ) -> str:
        path = os.path.join(file_utils.config.keras_home(), cache_subdir, name)
        if not os.path.isfile(path):
            raise InputError(f"{KEY} = imagenet: nothing is downloaded; put {name} at {path}")
        return path

    before = file_utils.get_file
    file_utils.get_file = find
    try:
        yield
    finally:
        file_utils.get_file = before
