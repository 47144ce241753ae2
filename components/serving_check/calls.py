"""The calls that a serving check makes of the three models, and the expected answers."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from components.example_gen.images.originals import Original
from components.serving_check.contract import SIGNATURES, Call
from components.serving_check.inputs.golden_records import GoldenRecords
from components.serving_check.inputs.odd_images import OddImage
from schema import features, serving_names
from trainer.preprocessing.image_files import image_formats

ONE_BY_ONE = 4  # records that are sent singly as well
ODD = f"{serving_names.JOINT}.{serving_names.EMBED_IMAGE}, odd images"
PLAIN = f"{serving_names.JOINT}.{serving_names.EMBED_IMAGE}, their plain counterparts"
ORIGINAL = f"{serving_names.JOINT}.{serving_names.EMBED_IMAGE}, images as received"
STORED = f"{serving_names.JOINT}.{serving_names.EMBED_IMAGE}, what is stored of them"
NO_IMAGE = f"{serving_names.JOINT}.{serving_names.EMBED_IMAGE}, no image"
DAMAGED = tuple(
    f"{serving_names.JOINT}.{name}, damaged images among others"
    for name in (serving_names.SERVING_DEFAULT, serving_names.EMBED_IMAGE, serving_names.SIMILARITY)
)
MAY_BE_NAN = (*DAMAGED, ORIGINAL)
SWAPPED = f"{serving_names.JOINT}.{serving_names.EMBED_IMAGE}, red and blue exchanged"

Arrays = Mapping[str, np.ndarray]  # by output name


def key(model: str, signature: str) -> str:
    """Return the id of the call with every record."""
    return f"{model}.{signature}"


def single_key(model: str, signature: str, i: int) -> str:
    """Return the id of the call with record or caption `i` alone."""
    return f"{model}.{signature}[{i}]"


def warm_up_key(call: Call) -> str:
    """Return the id of the call of a warm-up request."""
    return f"{call.model}.{call.signature}, warm-up"


def batch_calls(golden: GoldenRecords) -> dict[str, Call]:
    """Return a call of every signature with every record, by id."""
    pools = _pools(golden)
    return {
        key(model, name): Call(model, name, {field: pools[field] for field in signature.inputs})
        for model, signatures in SIGNATURES.items()
        for name, signature in signatures.items()
    }


def singles(golden: GoldenRecords) -> list[tuple[str, str, int]]:
    """Return (model, signature, record) of every signature with the first few records."""
    return [
        (model, name, i)
        for model, signatures in SIGNATURES.items()
        for name in signatures
        for i in range(min(ONE_BY_ONE, len(golden.images)))
    ]


def single_calls(golden: GoldenRecords) -> dict[str, Call]:
    """Return calls with one record, or with one caption, by id."""
    pools = _pools(golden)
    return {
        single_key(model, name, i): Call(
            model, name, {field: [pools[field][i]] for field in SIGNATURES[model][name].inputs}
        )
        for model, name, i in singles(golden)
    }


def warm_up_requests(golden: GoldenRecords) -> list[Call]:
    """Return one request for each signature, with one real record."""
    calls = single_calls(golden)
    return [calls[single_key(model, name, i)] for model, name, i in singles(golden) if i == 0]


def swapped_call(golden: GoldenRecords) -> Call:
    """Return a call with red and blue exchanged, to recognise a model that does so itself."""
    images = [
        tf.io.encode_png(
            tf.cast(tf.round(image_formats.decode(image)), tf.uint8)[..., ::-1]
        ).numpy()
        for image in golden.images
    ]
    return Call(serving_names.JOINT, serving_names.EMBED_IMAGE, {serving_names.IMAGE_INPUT: images})


def odd_calls(odd: Sequence[OddImage]) -> dict[str, Call]:
    """Return calls with images of odd kinds, and with their plain counterparts."""
    return {ODD: _images(o.image for o in odd), PLAIN: _images(o.plain for o in odd)}


def original_calls(originals: Sequence[Original]) -> dict[str, Call]:
    """Return calls with images as they were received, and with what is stored of them."""
    return {
        ORIGINAL: _images(original.image for original in originals),
        STORED: _images(original.stored for original in originals),
    }


def _images(images: Iterable[bytes]) -> Call:
    return Call(
        serving_names.JOINT, serving_names.EMBED_IMAGE, {serving_names.IMAGE_INPUT: list(images)}
    )


def damaged_calls(golden: GoldenRecords) -> dict[str, Call]:
    """Return calls without any image, and with damaged images between two good ones."""
    images = [golden.images[0], *damaged(golden.images[0]), golden.images[-1]]
    examples = [_with_image(golden.examples[0], image) for image in images]
    inputs = {
        serving_names.EXAMPLES_INPUT: examples,
        serving_names.IMAGE_INPUT: images,
        serving_names.TEXT_INPUT: golden.texts[:1],
    }
    names = (serving_names.SERVING_DEFAULT, serving_names.EMBED_IMAGE, serving_names.SIMILARITY)
    return {
        NO_IMAGE: _images([]),
        **{
            key: Call(
                serving_names.JOINT,
                name,
                {field: inputs[field] for field in SIGNATURES[serving_names.JOINT][name].inputs},
            )
            for key, name in zip(DAMAGED, names, strict=True)
        },
    }


def damaged(image: bytes) -> list[bytes]:
    """Return no bytes, bytes that are not an image, and the first half of an image."""
    return [b"", b"<svg/>", image[: len(image) // 2]]


def _with_image(example: bytes, image: bytes) -> bytes:
    parsed = tf.train.Example.FromString(example)
    parsed.features.feature[features.IMAGE_ENCODED].bytes_list.value[:] = [image]
    return bytes(parsed.SerializeToString())


def timed_calls(golden: GoldenRecords) -> dict[str, Call]:
    """Return the timed calls, for a text and for an image, by signature of the joint model."""
    calls = batch_calls(golden)
    return {
        name: calls[key(serving_names.JOINT, name)]
        for name in (serving_names.EMBED_TEXT, serving_names.EMBED_IMAGE)
    }


def expected(golden: GoldenRecords) -> dict[str, Arrays]:
    """Return the right answers of `batch_calls`, by id: those of the trained model."""
    images, texts = golden.image_embeddings, golden.text_embeddings
    valid = {features.VALID: np.ones(len(images), bool)}  # ingest has decoded every one
    image, text = {features.EMBEDDING: images, **valid}, {features.EMBEDDING: texts}
    return {
        key(serving_names.JOINT, serving_names.SERVING_DEFAULT): {
            features.IMAGE_EMBEDDING: images,
            features.TEXT_EMBEDDINGS: golden.text_table,
            **valid,
        },
        key(serving_names.JOINT, serving_names.EMBED_IMAGE): image,
        key(serving_names.JOINT, serving_names.EMBED_TEXT): text,
        key(serving_names.JOINT, serving_names.SIMILARITY): {
            features.SIMILARITY: images @ texts.T,
            **valid,
        },
        key(serving_names.IMAGE_TOWER, serving_names.SERVING_DEFAULT): image,
        key(serving_names.TEXT_TOWER, serving_names.SERVING_DEFAULT): text,
    }


def alone(signature: str, answer: Arrays, i: int) -> Arrays:
    """Return the part of a batch's answer that record or caption `i` alone must get too."""
    mine = {name: value[i : i + 1] for name, value in answer.items()}
    if signature == serving_names.SIMILARITY:
        mine[features.SIMILARITY] = mine[features.SIMILARITY][:, i : i + 1]
    return mine


def _pools(golden: GoldenRecords) -> dict[str, Sequence[bytes]]:
    return {
        serving_names.EXAMPLES_INPUT: golden.examples,
        serving_names.IMAGE_INPUT: golden.images,
        serving_names.TEXT_INPUT: golden.texts,
    }
