"""The release in a process of its own: raw bytes and strings in, the trainer's embeddings out."""

import io
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from schema import features
from tests.support.small_run import read_shard

SERVE = """
import concurrent.futures
import sys
import numpy as np
import tensorflow as tf
import tensorflow_text

assert not {"trainer", "components", "pipeline", "schema", "tfx"} & set(sys.modules)
model = tf.saved_model.load(sys.argv[1])
given = np.load(sys.argv[2], allow_pickle=True)
images, texts = tf.constant(list(given["images"])), tf.constant(list(given["texts"]))
call = model.signatures
bad = list(given["damaged"])


def damaged():
    # From eight threads at once.
    def ask(_):
        return call["embed_image"](image=tf.constant(bad))

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(40)))
    pairs = call["similarity"](image=tf.constant(bad), text=texts[:3])
    nothing = call["embed_image"](image=tf.constant([], tf.string))
    record = tf.train.Example.FromString(given["examples"][0])
    record.features.feature["image/encoded"].bytes_list.value[:] = [bad[1]]
    mixed = tf.constant([given["examples"][0], record.SerializeToString()])
    mixed = call["serving_default"](examples=mixed)
    return {
        "valid": np.stack([each["valid"].numpy() for each in answers]),
        "images": np.stack([each["embedding"].numpy() for each in answers]),
        "similarity": pairs["similarity"].numpy(),
        "similarity_valid": pairs["valid"].numpy(),
        "nothing": nothing["embedding"].numpy(),
        "nothing_valid": nothing["valid"].numpy(),
        "nothing_similar": call["similarity"](
            image=tf.constant([], tf.string), text=texts[:3]
        )["similarity"].numpy(),
        "record": mixed["image_embedding"].numpy(),
        "record_valid": mixed["valid"].numpy(),
        "record_texts": mixed["text_embeddings"].numpy(),
    }


out = call["serving_default"](examples=tf.constant(list(given["examples"])))
np.savez(
    sys.argv[3],
    signatures=sorted(call),
    images=call["embed_image"](image=images)["embedding"],
    texts=call["embed_text"](text=texts)["embedding"],
    similarity=call["similarity"](image=images, text=texts)["similarity"],
    one=call["embed_image"](image=images[:1])["embedding"],
    default_images=out["image_embedding"],
    default_texts=out["text_embeddings"],
    **{"damaged_" + name: value for name, value in damaged().items()},
)
"""


@pytest.fixture(scope="module")
def served(small_run, tmp_path_factory) -> dict[str, np.ndarray]:
    folder = tmp_path_factory.mktemp("serving")
    records = list(read_shard(str(small_run.folder / "data" / "eval-0.tar")))[:20]
    other = io.BytesIO()
    Image.new("RGBA", (50, 30), (200, 20, 20, 90)).save(other, "webp")
    images = [r.image for r in records] + [other.getvalue()]
    texts = [r.captions[0] for r in records] + ["", "Ünseen  WORDS, 日本"]
    examples = []
    for record in records:
        feature = {
            features.IMAGE_ENCODED: [record.image],  # and no key, no size, no words
            features.CAPTIONS: [caption.encode() for caption in record.captions],
        }
        example = tf.train.Example()
        for name, values in feature.items():
            example.features.feature[name].bytes_list.value.extend(values)
        examples.append(example.SerializeToString())
    given, answered = folder / "given.npz", folder / "answered.npz"
    cut = [records[1].image[:-20], records[1].image[:40]]
    bad = [records[0].image, b"", *cut, b"no image at all", other.getvalue()[:50], records[1].image]
    arrays = {"damaged": bad, "images": images, "texts": texts, "examples": examples}
    packed: dict[str, Any] = {name: np.array(v, dtype=object) for name, v in arrays.items()}
    np.savez(given, **packed)
    subprocess.run(
        [sys.executable, "-c", SERVE, small_run.release, given, answered],
        check=True,
        cwd=folder,  # our packages are not on its path by being in the folder
    )
    answers = dict(np.load(answered))
    # The trainer's own embeddings of the same bytes, from the model it held in memory.
    trained = small_run.served
    answers["trained_images"] = trained.image_tower(tf.constant(images))["embedding"].numpy()
    answers["trained_texts"] = trained.text_tower(tf.constant(texts))["embedding"].numpy()
    answers["captions"] = np.array([list(r.captions) for r in records], dtype=object)
    return answers


def test_signatures(served):
    assert served["signatures"].tolist() == [
        "embed_image",
        "embed_text",
        "serving_default",
        "similarity",
    ]


def test_a_fresh_process_gives_the_trainers_embeddings(served):
    np.testing.assert_allclose(served["images"], served["trained_images"], atol=1e-5)
    np.testing.assert_allclose(served["texts"], served["trained_texts"], atol=1e-5)


def test_embeddings_have_length_1_and_differ(served):
    for name in ("images", "texts"):
        np.testing.assert_allclose(np.linalg.norm(served[name], axis=1), 1, atol=1e-5)
        assert np.linalg.matrix_rank(served[name][:20] - served[name][:20].mean(0)) > 10


def test_similarity_is_every_image_with_every_text(served):
    np.testing.assert_allclose(
        served["similarity"], served["images"] @ served["texts"].T, atol=1e-5
    )


def test_serving_default_agrees_with_the_single_signatures(served):
    np.testing.assert_allclose(served["default_images"], served["images"][:20], atol=1e-5)
    np.testing.assert_allclose(served["default_texts"][:, 0], served["texts"][:20], atol=1e-5)
    assert (served["default_texts"][:, 2] == 0).all()  # no third caption


def test_an_embedding_does_not_depend_on_its_batch(served):
    np.testing.assert_allclose(served["one"][0], served["images"][0], atol=1e-5)


def test_a_damaged_image_is_marked_and_the_others_are_answered(served):
    """In a fresh process, from eight threads at once."""
    valid = [True, False, False, False, False, False, True]
    assert served["damaged_valid"].shape == (40, 7)
    assert (served["damaged_valid"] == valid).all()
    assert np.isnan(served["damaged_images"][:, 1:-1]).all()
    good = np.broadcast_to(served["images"][:2], (40, 2, served["images"].shape[1]))
    np.testing.assert_allclose(served["damaged_images"][:, [0, -1]], good, atol=1e-5)
    assert served["damaged_similarity_valid"].tolist() == valid
    assert np.isnan(served["damaged_similarity"][1:-1]).all()
    np.testing.assert_allclose(
        served["damaged_similarity"][[0, -1]], served["similarity"][:2, :3], atol=1e-5
    )


def test_a_damaged_image_of_a_record_leaves_its_texts(served):
    assert served["damaged_record_valid"].tolist() == [True, False]
    np.testing.assert_allclose(served["damaged_record"][0], served["images"][0], atol=1e-5)
    assert np.isnan(served["damaged_record"][1]).all()
    texts = served["default_texts"][[0, 0]]
    np.testing.assert_allclose(served["damaged_record_texts"], texts, atol=1e-5)


def test_a_batch_of_no_images(served):
    assert served["damaged_nothing"].shape == (0, served["images"].shape[1])
    assert served["damaged_nothing_valid"].shape == (0,)
    assert served["damaged_nothing_similar"].shape == (0, 3)


def test_the_served_graph_equals_the_networks_on_transformed_records(small_run, served):
    """Independent of the transform graph's serving path: what training read from disk."""
    import glob

    import tensorflow_transform as tft

    from trainer.preprocessing.captions import fingerprint
    from trainer.training.data import input_pipeline

    [graph] = small_run.outputs["Transform"]["transform_graph"]
    [artifact] = small_run.outputs["Transform"]["transformed_examples"]
    spec = tft.TFTransformOutput(graph.uri).transformed_feature_spec()
    files = glob.glob(f"{artifact.uri}/Split-eval/*")
    stored = {
        int(r[features.KEY_ID]): r
        for r in input_pipeline.examples(
            files, spec, small_run.config.for_trainer()
        ).as_numpy_iterator()
    }
    records = list(read_shard(str(small_run.folder / "data" / "eval-0.tar")))[:20]
    ids = fingerprint(tf.constant([r.key for r in records])).numpy()
    mine = [stored[int(n)] for n in ids]
    towers = small_run.served
    images = towers.image_tower._embed(np.stack([r[features.PIXELS] for r in mine]))
    texts = towers.text_tower._embed(np.stack([r[features.TOKENS][0] for r in mine]))
    np.testing.assert_allclose(served["images"][:20], images, atol=1e-5)
    np.testing.assert_allclose(served["texts"][:20], texts, atol=1e-5)
