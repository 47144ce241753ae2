"""Networks of keras.applications as image towers, and the weights they may start with."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import model_validator

from schema.errors import InputError
from schema.text.messages import first_line
from trainer.towers.registry import (
    IMAGE_TOWERS,
    ParameterCount,
    Tower,
    TowerConfig,
    one_of,
)
from trainer.weights import places
from trainer.weights.source import Kind

if TYPE_CHECKING:
    import keras

KEY = "model.image_tower.weights"
IMAGENET = "imagenet"  # weights in Keras's own cache, in files whose names hold their version
# The smallest side of an image, pixels, by the name of the model; a test compares them with Keras.
SMALLEST_IMAGE = {
    **dict.fromkeys(("ConvNeXtTiny", "ConvNeXtSmall", "ConvNeXtBase"), 32),
    **dict.fromkeys(("ConvNeXtLarge", "ConvNeXtXLarge"), 32),
    **dict.fromkeys(("DenseNet121", "DenseNet169", "DenseNet201"), 32),
    **{f"EfficientNetB{n}": 32 for n in range(8)},
    **{f"EfficientNetV2{n}": 32 for n in ("B0", "B1", "B2", "B3", "S", "M", "L")},
    **dict.fromkeys(("InceptionResNetV2", "InceptionV3"), 75),
    **dict.fromkeys(("MobileNet", "MobileNetV2", "MobileNetV3Large", "MobileNetV3Small"), 32),
    **dict.fromkeys(("NASNetLarge", "NASNetMobile"), 32),
    **{f"ResNet{n}{v}": 32 for n in (50, 101, 152) for v in ("", "V2")},
    **dict.fromkeys(("VGG16", "VGG19"), 32),
    "Xception": 71,
}
WITHOUT_BATCH_NORM = ("ConvNeXt", "VGG")  # the starts of their names


class KerasApplicationConfig(TowerConfig):
    """A network of keras.applications without its classifier; the mean of its feature map."""

    kind: Literal["keras_application"]
    """Name of the tower."""
    name: Annotated[str, one_of(SMALLEST_IMAGE, "model of keras.applications")]
    """The model, as keras.applications names it, such as MobileNetV3Small."""

    takes: ClassVar[tuple[Kind, ...]] = (Kind.RELEASE, Kind.CACHE, Kind.PACKAGE, Kind.PATH)
    endings: ClassVar[tuple[str, ...]] = (".h5",)

    @property
    def network(self) -> str:
        """The name of the network, for messages."""
        return self.name

    @property
    def batch_norm(self) -> bool:
        """Whether its output depends on the rest of the batch, as that of most does."""
        return not self.name.startswith(WITHOUT_BATCH_NORM)

    @model_validator(mode="after")
    def _file_of_weights(self) -> Self:
        source = self.source
        if source is None:
            return self
        if source.kind is Kind.CACHE and source.name != IMAGENET:
            raise ValueError(f"weights = {self.weights!r}: of Keras's cache only cache:{IMAGENET}")
        if source.kind is Kind.PATH and not source.name.endswith(self.endings):
            raise ValueError(f"weights = {self.weights!r} is not a file that ends in .h5")
        return self


def _build(
    config: KerasApplicationConfig, size: int, pixels: keras.KerasTensor
) -> keras.KerasTensor:
    from trainer.towers.layers import Backbone

    network = build_network(config, None, size)
    # Every family wants pixels of its own kind, and has a function that makes them of 0 to 255.
    prepared = _family(config).preprocess_input((pixels + 1.0) * 127.5)
    return Backbone(network)(prepared)


def load_weights(config: KerasApplicationConfig, size: int, network: keras.Model) -> None:
    """Give a network the weights of its config.

    Raises:
        InputError: the file is not there or is of another network.
    """
    source = config.source
    assert source is not None
    try:
        if source.kind is Kind.CACHE:
            with _only_from_cache(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that no weights fit this size of image exactly
                trained = build_network(config, IMAGENET, size)
            network.set_weights(trained.get_weights())
            return
        file = places.file_of(KEY, source, config.endings)
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # of layers that would stay as they are
            network.load_weights(file)
    except (ValueError, OSError, LookupError, UserWarning) as error:
        reason = first_line(error)
        raise InputError(
            f"{KEY} = {config.weights} does not fit {config.name}: {reason}"
        ) from error


def build_network(config: KerasApplicationConfig, weights: str | None, size: int) -> keras.Model:
    """Build the network without its classifier, for images of a size in pixels."""
    return _builder(config)(
        include_top=False, weights=weights, input_shape=(size, size, 3), pooling="avg"
    )


def _builder(config: KerasApplicationConfig) -> Callable[..., keras.Model]:
    import keras

    return getattr(keras.applications, config.name)


def _family(config: KerasApplicationConfig) -> ModuleType:
    import keras

    return getattr(keras.applications, _builder(config).__module__.rpartition(".")[2])


@contextlib.contextmanager
def _only_from_cache() -> Iterator[None]:
    """Let keras.applications find files in Keras's cache, and download none."""
    from keras.src.utils import file_utils  # where they look for a function that downloads

    def find(name: str, _origin: str, cache_subdir: str = "models", **_others: str) -> str:
        path = Path(file_utils.config.keras_home(), cache_subdir, name)
        if not path.is_file():
            raise InputError(
                f"{KEY} = cache:{IMAGENET}: nothing is downloaded; put {name} at {path}"
            )
        return str(path)

    before = file_utils.get_file
    file_utils.get_file = find
    try:
        yield
    finally:
        file_utils.get_file = before


def _count(_config: KerasApplicationConfig, _size: int) -> ParameterCount:
    """Know nothing: no network of keras.applications is near any limit."""
    return ParameterCount({})


def _check(config: KerasApplicationConfig, size: int) -> None:
    if size < SMALLEST_IMAGE[config.name]:
        raise ValueError(
            f"model.image_tower.name = {config.name} needs image.size of at least "
            f"{SMALLEST_IMAGE[config.name]}; it is {size}"
        )


IMAGE_TOWERS.add(
    "keras_application",
    Tower(
        config=KerasApplicationConfig,
        build=_build,
        count=_count,
        check=_check,
        load_weights=load_weights,
    ),
)
