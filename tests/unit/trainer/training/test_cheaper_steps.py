"""All captions in a step, and blocks that are computed again: values against the plain step."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from schema import features
from tests.support.training import SIZE, SPEC, TOKENS, VOCABULARY, config, write_records
from trainer.losses.info_nce import info_nce_loss
from trainer.training.data import input_pipeline
from trainer.training.step import TrainableDualEncoder

N = 5
BLOCKS = {"width": 12, "depth": 1, "heads": 3, "dropout": 0.2}
TRANSFORMERS = {
    "image_tower": {"kind": "vit", "patch": 2, "patch_dropout": 0.25, **BLOCKS},
    "text_tower": {"kind": "transformer", **BLOCKS},
}


def test_every_caption_is_a_text_of_the_batch():
    random = np.random.default_rng(0)
    ids = np.array([[1, 2], [3, 0], [2, 4], [5, 0], [6, 7]])
    tokens = random.integers(1, VOCABULARY, (N, 2, TOKENS))
    tokens[ids == 0] = 0
    batch = {
        features.PIXELS: tf.constant(random.integers(0, 256, (N, SIZE, SIZE, 3)), tf.float32),
        features.TOKENS: tf.constant(tokens),
        features.CAPTION_IDS: tf.constant(ids),
        features.CAPTION_LABELS: tf.constant((ids > 0).astype(np.int64)),
        features.KEY_ID: tf.range(N, dtype=tf.int64),
    }
    keras.utils.set_random_seed(1)
    model = TrainableDualEncoder(config(training={"captions": "all", "batch_size": N}))
    images = model.embed_images(batch[features.PIXELS])
    owners, texts = np.nonzero(ids)[0], ids[ids > 0]
    embedded = tf.stack([model.embed_texts(tokens[ids > 0][[j]])[0] for j in range(len(texts))])
    # Text j is a caption of image i: of its own, or the same words.
    matches = [
        [owner == i or text in ids[i] for owner, text in zip(owners, texts, strict=True)]
        for i in range(N)
    ]
    scale = tf.exp(tf.convert_to_tensor(model.joint_loss.log_scale))
    expected = info_nce_loss(tf.matmul(images, embedded, transpose_b=True), matches, scale)
    assert float(model.loss_of(batch)) == pytest.approx(float(expected), abs=1e-5)


@pytest.mark.parametrize("chunk", [None, 4])
def test_blocks_computed_again_give_the_same_gradients(tmp_path, chunk):
    files = write_records(tmp_path, 24)
    losses, moves, softmaxes = [], [], []
    for recomputes in (False, True):
        training = {"gradient_checkpointing": recomputes, "chunk_size": chunk}
        settings = config(model=TRANSFORMERS, training=training)
        keras.utils.set_random_seed(2)
        model = TrainableDualEncoder(settings)
        before = [v.numpy() for v in model.trainable_variables]
        model.compile(optimizer=keras.optimizers.SGD(1.0))
        [batch] = input_pipeline.training_batches(files, SPEC, settings, 24, 12).take(1)
        step = tf.function(model.train_step)
        graph = step.get_concrete_function(batch).graph.as_graph_def()
        nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
        softmaxes.append(sum(node.op == "Softmax" for node in nodes))
        losses.append(float(step(batch)["loss"]))
        after = [v.numpy() for v in model.trainable_variables]
        moves.append([a - b for a, b in zip(after, before, strict=True)])
    # One more for the image tower's block, and for each group of texts by length.
    assert softmaxes[1] == softmaxes[0] + 3
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)
    largest = max(np.abs(move).max() for move in moves[0])
    for mine, other in zip(*moves, strict=True):
        np.testing.assert_allclose(mine / largest, other / largest, atol=2e-6)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (
            {"training": {"captions": "all"}, "loss": {"name": "hinge"}},
            "training.captions: all needs loss.pairs: all",
        ),
        (
            {"training": {"captions": "all", "xla": True}},
            "training.xla: true does not go with training.captions: all",
        ),
        (
            {"training": {"gradient_checkpointing": True}},
            r"the towers \(convnet and bag\) have none",
        ),
    ],
)
def test_what_does_not_go_together(sections, message):
    with pytest.raises(ValueError, match=message):
        config(**sections)
