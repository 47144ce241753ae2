"""`run_fn` by itself: other towers and losses on the records the small run transformed."""

import glob
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.example_gen.webdataset import read_shard
from pipeline.display import Listener
from trainer.config import canonical_json
from trainer.run import run_fn

REFERENCE = {
    "image_tower": {"kind": "conv"},
    "text_tower": {"kind": "lstm"},
    "embedding_dim": 16,
}
STRONG = {
    "image_tower": {"kind": "convnet", "widths": [8, 16]},
    "text_tower": {"kind": "bag"},
    "embedding_dim": 16,
}


@pytest.mark.parametrize(
    ("model", "loss"),
    [
        (
            {**REFERENCE, "normalize": False},
            {
                "name": "cosine_embedding",
                "pairs": "given",
                "sampled_mismatches": 1,
                "positive_weight": 0.3,
                "negative_weight": 0.7,
            },
        ),
        (STRONG, {"name": "hinge", "pairs": "all"}),
    ],
    ids=["reference-cosine-given", "strong-hinge-all"],
)
def test_training_lowers_the_loss_and_exports(small_run, tmp_path, model, loss):
    [graph] = small_run.outputs["Transform"]["transform_graph"]
    [artifact] = small_run.outputs["Transform"]["transformed_examples"]
    values = small_run.config.for_trainer().model_dump()
    values |= {"model": model, "loss": loss}
    values["training"] |= {"epochs": 8, "learning_rate": 5e-3}
    config = type(small_run.config.for_trainer()).model_validate(values, strict=False)
    told = SimpleNamespace(
        custom_config={"config": canonical_json(config)},
        transform_graph_path=graph.uri,
        train_files=[f"{artifact.uri}/Split-train/*"],
        model_run_dir=str(tmp_path / "run"),
        serving_model_dir=str(tmp_path / "model"),
    )
    heard: list[dict[str, Any]] = []
    with Listener(heard.append):
        run_fn(told)
    losses = [event["loss"] for event in heard]
    assert losses[-1] < 0.9 * losses[0]

    served = tf.saved_model.load(str(tmp_path / "model")).signatures
    [record, *_] = read_shard(str(small_run.folder / "data" / "eval-0.tar"))
    image = served["embed_image"](image=tf.constant([record.image]))["embedding"].numpy()
    text = served["embed_text"](text=tf.constant(list(record.captions)))["embedding"].numpy()
    assert (image.shape, text.shape) == ((1, 16), (2, 16))
    lengths = np.linalg.norm(np.concatenate([image, text]), axis=1)
    assert np.allclose(lengths, 1, atol=1e-5) == model.get("normalize", True)
    assert glob.glob(str(tmp_path / "run" / "train" / "*tfevents*"))
