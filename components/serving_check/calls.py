"""Which calls of the three models tell whether they are right, and what they must answer."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from components.example_gen.images.originals import Original
from components.serving_check.contract import SIGNATURES
from components.serving_check.isolated_client import Call
from components.serving_check.odd_images import OddImage
from components.serving_check.records import Probed
from schema import features, serving_names
from trainer.preprocessing import image_formats

ONE_BY_ONE = 4  # records that are given singly as well
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
    """The id of the call with every record."""
    return f"{model}.{signature}"


def single_key(model: str, signature: str, i: int) -> str:
    """The id of the call with record or caption `i` alone."""
    return f"{model}.{signature}[{i}]"


def warm_up_key(call: Call) -> str:
    """The id of a call that a warm-up request makes."""
    return f"{call.model}.{call.signature}, warm-up"


def batch_calls(probed: Probed) -> dict[str, Call]:
    """Every signature with every record."""
    pools = _pools(probed)
    return {
        key(model, name): Call(model, name, {each: pools[each] for each in signature.inputs})
        for model, signatures in SIGNATURES.items()
        for name, signature in signatures.items()
    }


def singles(probed: Probed) -> list[tuple[str, str, int]]:
    """Every signature with each of the first few records: (model, signature, record)."""
    return [
        (model, name, i)
        for model, signatures in SIGNATURES.items()
        for name in signatures
        for i in range(min(ONE_BY_ONE, len(probed.images)))
    ]


def single_calls(probed: Probed) -> dict[str, Call]:
    """One record at a time; of an input for captions, one caption."""
    pools = _pools(probed)
    return {
        single_key(model, name, i): Call(
            model, name, {each: [pools[each][i]] for each in SIGNATURES[model][name].inputs}
        )
        for model, name, i in singles(probed)
    }


def warm_up_requests(probed: Probed) -> list[Call]:
    """One request for each signature, with one real record."""
    calls = single_calls(probed)
    return [calls[single_key(model, name, i)] for model, name, i in singles(probed) if i == 0]


def swapped_call(probed: Probed) -> Call:
    """The same images with red and blue exchanged, to recognise a model that does so itself."""
    images = [
        tf.io.encode_png(
            tf.cast(tf.round(image_formats.decode(image)), tf.uint8)[..., ::-1]
        ).numpy()
        for image in probed.images
    ]
    return Call(serving_names.JOINT, serving_names.EMBED_IMAGE, {serving_names.IMAGE_INPUT: images})


def odd_calls(odd: Sequence[OddImage]) -> dict[str, Call]:
    """Images of odd kinds, and their plain counterparts."""
    return {ODD: _images(each.image for each in odd), PLAIN: _images(each.plain for each in odd)}


def original_calls(originals: Sequence[Original]) -> dict[str, Call]:
    """Images as they were received, and what is stored of them."""
    return {
        ORIGINAL: _images(each.image for each in originals),
        STORED: _images(each.stored for each in originals),
    }


def _images(images: Iterable[bytes]) -> Call:
    return Call(
        serving_names.JOINT, serving_names.EMBED_IMAGE, {serving_names.IMAGE_INPUT: list(images)}
    )


def damaged_calls(probed: Probed) -> dict[str, Call]:
    """A batch of no image, and the first two records around images that nobody can decode."""
    images = [probed.images[0], *damaged(probed.images[0]), probed.images[-1]]
    examples = [_with_image(probed.examples[0], image) for image in images]
    inputs = {
        serving_names.EXAMPLES_INPUT: examples,
        serving_names.IMAGE_INPUT: images,
        serving_names.TEXT_INPUT: probed.texts[:1],
    }
    names = (serving_names.SERVING_DEFAULT, serving_names.EMBED_IMAGE, serving_names.SIMILARITY)
    return {
        NO_IMAGE: _images([]),
        **{
            key: Call(
                serving_names.JOINT,
                name,
                {each: inputs[each] for each in SIGNATURES[serving_names.JOINT][name].inputs},
            )
            for key, name in zip(DAMAGED, names, strict=True)
        },
    }


def damaged(image: bytes) -> list[bytes]:
    """No bytes, other bytes, and a cut-off image."""
    return [b"", b"<svg/>", image[: len(image) // 2]]


def _with_image(example: bytes, image: bytes) -> bytes:
    parsed = tf.train.Example.FromString(example)
    parsed.features.feature[features.IMAGE_ENCODED].bytes_list.value[:] = [image]
    return bytes(parsed.SerializeToString())


def timed_calls(probed: Probed) -> dict[str, Call]:
    """One text and one image, by signature of the joint model."""
    calls = batch_calls(probed)
    return {
        name: calls[key(serving_names.JOINT, name)]
        for name in (serving_names.EMBED_TEXT, serving_names.EMBED_IMAGE)
    }


def expected(probed: Probed) -> dict[str, Arrays]:
    """What each call with every record answers if the export is the trained model."""
    images, texts = probed.image_embeddings, probed.text_embeddings
    valid = {features.VALID: np.ones(len(images), bool)}  # ingest has decoded every one
    image, text = {features.EMBEDDING: images, **valid}, {features.EMBEDDING: texts}
    return {
        key(serving_names.JOINT, serving_names.SERVING_DEFAULT): {
            features.IMAGE_EMBEDDING: images,
            features.TEXT_EMBEDDINGS: probed.text_table,
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
    """The part of an answer to every record that record or caption `i` alone must get too."""
    mine = {name: value[i : i + 1] for name, value in answer.items()}
    if signature == serving_names.SIMILARITY:
        mine[features.SIMILARITY] = mine[features.SIMILARITY][:, i : i + 1]
    return mine


def _pools(probed: Probed) -> dict[str, Sequence[bytes]]:
    return {
        serving_names.EXAMPLES_INPUT: probed.examples,
        serving_names.IMAGE_INPUT: probed.images,
        serving_names.TEXT_INPUT: probed.texts,
    }
