"""Which calls of the three models tell whether they are right, and what they must answer."""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from components.serving_check.contract import SIGNATURES
from components.serving_check.fresh_process import Call
from components.serving_check.records import Probed
from schema import features, served
from trainer import pixels

ONE_BY_ONE = 4  # records that are given singly as well
SWAPPED = f"{served.JOINT}.{served.EMBED_IMAGE}, red and blue exchanged"

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
        tf.io.encode_png(tf.cast(tf.round(pixels.decode(image)), tf.uint8)[..., ::-1]).numpy()
        for image in probed.images
    ]
    return Call(served.JOINT, served.EMBED_IMAGE, {served.IMAGE_INPUT: images})


def timed_calls(probed: Probed) -> dict[str, Call]:
    """One text and one image, by signature of the joint model."""
    calls = batch_calls(probed)
    return {
        name: calls[key(served.JOINT, name)] for name in (served.EMBED_TEXT, served.EMBED_IMAGE)
    }


def expected(probed: Probed) -> dict[str, Arrays]:
    """What each call with every record answers if the export is the trained model."""
    images, texts = probed.image_embeddings, probed.text_embeddings
    image, text = {features.EMBEDDING: images}, {features.EMBEDDING: texts}
    return {
        key(served.JOINT, served.SERVING_DEFAULT): {
            features.IMAGE_EMBEDDING: images,
            features.TEXT_EMBEDDINGS: probed.text_table,
        },
        key(served.JOINT, served.EMBED_IMAGE): image,
        key(served.JOINT, served.EMBED_TEXT): text,
        key(served.JOINT, served.SIMILARITY): {features.SIMILARITY: images @ texts.T},
        key(served.IMAGE_TOWER, served.SERVING_DEFAULT): image,
        key(served.TEXT_TOWER, served.SERVING_DEFAULT): text,
    }


def alone(signature: str, answer: Arrays, i: int) -> Arrays:
    """The part of an answer to every record that record or caption `i` alone must get too."""
    if signature == served.SIMILARITY:
        return {name: value[i : i + 1, i : i + 1] for name, value in answer.items()}
    return {name: value[i : i + 1] for name, value in answer.items()}


def _pools(probed: Probed) -> dict[str, Sequence[bytes]]:
    return {
        served.EXAMPLES_INPUT: probed.examples,
        served.IMAGE_INPUT: probed.images,
        served.TEXT_INPUT: probed.texts,
    }
