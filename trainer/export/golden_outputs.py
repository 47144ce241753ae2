"""What the trainer itself embeds, kept for the serving check to compare with."""

import io
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from schema import features
from schema.errors import InputError
from trainer.config.trainer import TrainerConfig
from trainer.models.dual_encoder import DualEncoder
from trainer.training import input_pipeline

RECORDS = 32
PRECISION = "precision"


def embed(
    model: DualEncoder, files: Sequence[str], spec: input_pipeline.Spec, config: TrainerConfig
) -> dict[str, np.ndarray]:
    """Embed the first records of some transformed files with the networks in memory.

    On the CPU, whatever training ran on: an accelerator may round each product to fewer bits,
    and the check is there to find wrong models, not other hardware. As a graph, as the export is:
    TensorFlow rounds a bfloat16 network's steps elsewhere when it runs them one by one.

    Args:
        model: the trained networks.
        files: transformed records.
        spec: parsing spec of them.
        config: the trainer's.

    Returns:
        Arrays by feature name: key_id int64 [n], image_embedding float32 [n, d], caption_ids
        int64 [n, max_captions] and text_embeddings float32 [n, max_captions, d], which are zero
        where the caption id is. n is `RECORDS`, or what there is. And, under `PRECISION`, the type
        that the networks compute in.

    Raises:
        InputError: the files hold no record.
    """
    records: list[dict[str, np.ndarray]] = []
    if files:
        records += input_pipeline.examples(files, spec, config).take(RECORDS).as_numpy_iterator()
    if not records:
        raise InputError("the evaluated split holds no record")
    stacked = {name: np.stack([record[name] for record in records]) for name in records[0]}
    tokens, ids = stacked[features.TOKENS], stacked[features.CAPTION_IDS]
    with tf.device("CPU:0"):
        images = tf.function(model.embed_images)(tf.constant(stacked[features.PIXELS])).numpy()
        flat = tf.constant(tokens.reshape(-1, tokens.shape[-1]))
        texts = tf.function(model.embed_texts)(flat).numpy()
    table = texts.reshape(*ids.shape, -1) * (ids != 0)[..., None]
    return {
        features.KEY_ID: stacked[features.KEY_ID],
        features.IMAGE_EMBEDDING: images,
        features.CAPTION_IDS: ids,
        features.TEXT_EMBEDDINGS: table,
        PRECISION: np.array(config.training.precision),
    }


def write(probe: dict[str, np.ndarray], path: str) -> None:
    """Write a probe as an .npz file; any file system TensorFlow writes."""
    packed = io.BytesIO()
    np.savez(packed, **probe)  # type: ignore[arg-type]  # numpy's stub mixes up its own flags
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(packed.getvalue())


def read(path: str) -> dict[str, np.ndarray]:
    """Read what `write` wrote."""
    with tf.io.gfile.GFile(path, "rb") as file:
        return dict(np.load(io.BytesIO(file.read())))
