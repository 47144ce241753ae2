"""Golden outputs: embeddings of the trained networks, for the serving check to compare with."""

import io
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from schema import features
from schema.errors import InputError

if TYPE_CHECKING:
    from trainer.models.dual_encoder import DualEncoder

RECORDS = 32
PRECISION = "precision"


def embed(model: "DualEncoder", examples: tf.data.Dataset) -> dict[str, np.ndarray]:
    """Embed the first records with the networks in memory.

    On the CPU, whatever training ran on: an accelerator may round each product to fewer bits, and
    the check looks for wrong models, not for other hardware. As a graph, as the export is:
    TensorFlow rounds a bfloat16 network's steps at other places when it runs them one by one.

    Args:
        model: the trained networks.
        examples: decoded records, as `trainer.training.data.input_pipeline.examples` makes them.

    Returns:
        Arrays by feature name: key_id int64 [n], image_embedding float32 [n, d], caption_ids
        int64 [n, max_captions] and text_embeddings float32 [n, max_captions, d], which are zero
        where the caption id is. n is at most `RECORDS`. Under `PRECISION`, the type that the
        networks compute in.

    Raises:
        InputError: there is no record.
    """
    records = list(examples.take(RECORDS).as_numpy_iterator())
    if not records:
        raise InputError("the evaluated split holds no record")
    stacked = {name: np.stack([record[name] for record in records]) for name in records[0]}
    tokens, ids = stacked[features.TOKENS], stacked[features.CAPTION_IDS]
    with tf.device("CPU:0"):
        images = tf.function(model.embed_images)(tf.constant(stacked[features.PIXELS])).numpy()
        flat = tf.constant(tokens.reshape(-1, tokens.shape[-1]))
        texts = tf.function(model.embed_texts)(flat).numpy()
    text_embeddings = texts.reshape(*ids.shape, -1) * (ids != 0)[..., None]
    return {
        features.KEY_ID: stacked[features.KEY_ID],
        features.IMAGE_EMBEDDING: images,
        features.CAPTION_IDS: ids,
        features.TEXT_EMBEDDINGS: text_embeddings,
        PRECISION: np.array(model.config.training.precision),
    }


def write(outputs: dict[str, np.ndarray], path: str) -> None:
    """Write golden outputs as an .npz file on any file system that TensorFlow writes."""
    packed = io.BytesIO()
    np.savez(packed, **outputs)  # type: ignore[arg-type]  # numpy's stub mixes up its own flags
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(packed.getvalue())


def read(path: str) -> dict[str, np.ndarray]:
    """Read the golden outputs that `write` wrote."""
    with tf.io.gfile.GFile(path, "rb") as file:
        return dict(np.load(io.BytesIO(file.read())))
