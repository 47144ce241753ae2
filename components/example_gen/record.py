"""One image with its captions, checked against the record contract and turned into an Example."""

import dataclasses
import io
from collections.abc import Sequence

import tensorflow as tf
from PIL import Image

from schema import features
from schema.errors import InputError


@dataclasses.dataclass(frozen=True)
class Record:
    """What a reader found. `source` says where, for error messages: 'train-0.tar: noto/cat'."""

    source: str
    key: str
    image: bytes
    captions: Sequence[str]
    labels: Sequence[int] | None = None
    attributes: dict[str, str] = dataclasses.field(default_factory=dict)


def to_example(record: Record, attributes: Sequence[str], max_captions: int) -> tf.train.Example:
    """Check a record and write it by the contract of `schema.features`.

    Args:
        record: what the reader found.
        attributes: names of the attributes to keep; a record may lack some.
        max_captions: the most captions the model takes of one image.

    Raises:
        InputError: the record breaks the contract; the sentence names its source.
    """
    kind, width, height = image_header(record.image, record.source)
    captions = [caption.strip() for caption in record.captions]
    if not captions or not all(captions):
        raise InputError(f"{record.source}: has an empty caption or none at all")
    if len(captions) > max_captions:
        raise InputError(
            f"{record.source}: has {len(captions)} captions, more than text.max_captions = "
            f"{max_captions}; raise it in the config"
        )
    if record.labels is not None and len(record.labels) != len(captions):
        raise InputError(
            f"{record.source}: has {len(record.labels)} labels for {len(captions)} captions"
        )
    if record.labels is not None and not set(record.labels) <= {0, 1}:
        raise InputError(f"{record.source}: labels must be 0 or 1, not {list(record.labels)}")
    values: dict[str, list] = {
        features.IMAGE_KEY: [record.key],
        features.IMAGE_ENCODED: [record.image],
        features.IMAGE_FORMAT: [kind],
        features.IMAGE_WIDTH: [width],
        features.IMAGE_HEIGHT: [height],
        features.IMAGE_BYTES: [len(record.image)],
        features.CAPTIONS: captions,
    }
    if record.labels is not None:
        values[features.LABELS] = list(record.labels)
    for name in attributes:
        if name in record.attributes:
            values[features.attribute(name)] = [record.attributes[name]]
    return tf.train.Example(
        features=tf.train.Features(feature={k: _feature(v) for k, v in values.items()})
    )


def image_header(image: bytes, source: str) -> tuple[str, int, int]:
    """Decode an image once, as Transform will, and return (format, width, height).

    Raises:
        InputError: it cannot be decoded.
    """
    try:
        with Image.open(io.BytesIO(image), formats=features.IMAGE_FORMATS) as picture:
            kind, width, height = str(picture.format).lower(), picture.width, picture.height
        tf.io.decode_image(image, expand_animations=False)
    except Exception as error:  # Pillow raises many types, struct.error and OSError among them
        raise InputError(
            f"{source}: is no image that can be decoded as {', '.join(features.IMAGE_FORMATS)}"
        ) from error
    return kind, width, height


def _feature(values: list) -> tf.train.Feature:
    if isinstance(values[0], int):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    encoded = [v.encode() if isinstance(v, str) else v for v in values]
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=encoded))
