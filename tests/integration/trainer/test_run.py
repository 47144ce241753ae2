"""`run_fn` by itself: other towers and losses on the records the small run transformed."""

import glob
import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from pipeline.console.summary import _remarks
from pipeline.local.display import Listener
from schema import features
from schema.config.section import canonical_json
from schema.errors import InputError
from schema.serving_names import FOLDERS, GOLDEN_OUTPUTS, JOINT, REMARKS
from tests.support.small_run import read_shard
from trainer.export import golden_outputs, saved_models
from trainer.models.dual_encoder import DualEncoder
from trainer.preprocessing.captions import fingerprint
from trainer.run import run_fn
from trainer.training.data import input_pipeline
from trainer.training.monitoring import health

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
def test_training_lowers_the_loss_and_exports(small_run, tmp_path, model, loss, monkeypatch):
    [graph] = small_run.outputs["Transform"]["transform_graph"]
    [artifact] = small_run.outputs["Transform"]["transformed_examples"]
    values = small_run.config.for_trainer().model_dump()
    values |= {"model": model, "loss": loss}
    values["training"] |= {"epochs": 16, "learning_rate": 5e-3}
    config = type(small_run.config.for_trainer()).model_validate_json(json.dumps(values))
    fn_args = SimpleNamespace(
        custom_config={"config": canonical_json(config), "checkpoints": str(tmp_path / "kept")},
        hyperparameters=None,
        transform_graph_path=graph.uri,
        train_files=[f"{artifact.uri}/Split-train/*"],
        eval_files=[f"{artifact.uri}/Split-eval/*"],
        model_run_dir=str(tmp_path / "run"),
        serving_model_dir=str(tmp_path / "model" / FOLDERS[JOINT]),
    )
    monkeypatch.setattr(health, "overfitting_remark", lambda *_: "it learned by heart")
    write, kept = saved_models.export, []

    def write_and_look(*arguments: Any) -> None:
        write(*arguments)
        kept.extend((tmp_path / "kept").iterdir())

    monkeypatch.setattr(saved_models, "export", write_and_look)
    heard: list[dict[str, Any]] = []
    with Listener(heard.append):
        run_fn(fn_args)
    # What was learned stays until the model is written, and not longer.
    assert len(kept) == 1
    assert not any((tmp_path / "kept").iterdir())
    assert json.loads((tmp_path / "model" / REMARKS).read_text()) == ["it learned by heart"]
    assert _remarks(tmp_path / "model") == ["it learned by heart"]
    losses = [event["loss"] for event in heard]
    assert losses[-1] < 0.9 * losses[0]

    served = tf.saved_model.load(str(tmp_path / "model" / FOLDERS[JOINT])).signatures
    records = {r.key: r for r in read_shard(str(small_run.folder / "data" / "eval-0.tar"))}
    [record, *_] = records.values()
    image = served["embed_image"](image=tf.constant([record.image]))["embedding"].numpy()
    text = served["embed_text"](text=tf.constant(list(record.captions)))["embedding"].numpy()
    assert (image.shape, text.shape) == ((1, 16), (2, 16))
    lengths = np.linalg.norm(np.concatenate([image, text]), axis=1)
    assert np.allclose(lengths, 1, atol=1e-5) == model.get("normalize", True)
    assert glob.glob(str(tmp_path / "run" / "train" / "*tfevents*"))

    # The probe: what the networks in memory embed of transformed records, against the written
    # model on the raw ones.
    left = golden_outputs.read(str(tmp_path / "model" / GOLDEN_OUTPUTS))
    by_id = dict(zip(fingerprint(tf.constant(list(records))).numpy(), records, strict=True))
    probed = [records[by_id[key]] for key in left[features.KEY_ID]]
    assert len(probed) == golden_outputs.RECORDS == 32
    again = served["embed_image"](image=tf.constant([r.image for r in probed]))["embedding"]
    assert largest_share(left[features.IMAGE_EMBEDDING], again) < 1e-5
    present = left[features.CAPTION_IDS] != 0
    assert present.sum(1).tolist() == [len(r.captions) for r in probed]
    texts = tf.constant([caption for r in probed for caption in r.captions])
    again = served["embed_text"](text=texts)["embedding"]
    assert largest_share(left[features.TEXT_EMBEDDINGS][present], again) < 1e-5
    assert not left[features.TEXT_EMBEDDINGS][~present].any()


def largest_share(mine, other) -> float:
    """The largest difference as a share of the largest value; not every model is normalised."""
    return float(np.abs(mine - other).max() / np.abs(other).max())


def test_an_empty_evaluated_split_is_refused(small_run, tmp_path):
    config = small_run.config.for_trainer()
    spec = {features.PIXELS: tf.io.FixedLenFeature([], tf.string)}
    with pytest.raises(InputError, match="the evaluated split holds no record"):
        golden_outputs.embed(DualEncoder(config), input_pipeline.examples([], spec, config))
    empty = str(tmp_path / "empty.gz")
    tf.io.TFRecordWriter(empty, "GZIP").close()
    with pytest.raises(InputError, match="the evaluated split holds no record"):
        golden_outputs.embed(DualEncoder(config), input_pipeline.examples([empty], spec, config))
