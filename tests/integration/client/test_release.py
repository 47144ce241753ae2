"""A release in a Python program answers as the signatures of its model do."""

import io
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image

import diptych
from schema import features
from tests.support.paths import ROOT
from tests.support.small_run import read_shard

TEXTS = ["cat", "a red apple", "", "ä 🍎\n"]


@pytest.fixture(scope="module")
def release(small_run):
    return diptych.load(small_run.folder / "serving")


@pytest.fixture(scope="module")
def records(small_run):
    found = read_shard(str(small_run.folder / "data" / "eval-0.tar"))
    return sorted(found, key=lambda record: record.key)


@pytest.fixture(scope="module")
def signatures(small_run):
    import tensorflow as tf
    import tensorflow_text  # noqa: F401  registers ops

    return tf.saved_model.load(str(small_run.release)).signatures


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_what_is_loaded(release, small_run):
    assert (release.name, release.dim) == ("small release 1", 32)
    assert release.folder == small_run.folder / "serving" / "releases" / "1"
    assert diptych.load(str(release.folder)).name == "small release 1"


def test_embeddings_and_similarities_are_those_of_the_signatures(release, records, signatures):
    import tensorflow as tf

    images = [record.image for record in records]  # 90: more than one call
    expected = signatures["embed_image"](image=tf.constant(images))[features.EMBEDDING].numpy()
    embedded = release.embed_images(images)
    assert embedded.dtype == np.float32
    np.testing.assert_allclose(embedded, expected, atol=1e-6)
    texts = signatures["embed_text"](text=tf.constant(TEXTS))[features.EMBEDDING].numpy()
    np.testing.assert_allclose(release.embed_texts(TEXTS), texts, atol=1e-6)
    similar = signatures["similarity"](image=tf.constant(images[:5]), text=tf.constant(TEXTS))
    np.testing.assert_allclose(
        release.similarity(images[:5], TEXTS), similar[features.SIMILARITY].numpy(), atol=1e-5
    )
    many = release.embed_texts(TEXTS * 200)  # more than one call
    np.testing.assert_allclose(many[-4:], texts, atol=1e-6)


def test_paths_bytes_arrays_and_images_of_pillow_mean_the_same(release, records, tmp_path):
    with Image.open(io.BytesIO(records[0].image)) as picture:
        rgb = picture.convert("RGBA")
        flat = Image.alpha_composite(Image.new("RGBA", rgb.size, "white"), rgb).convert("RGB")
    out = io.BytesIO()
    flat.save(out, "png")
    path = tmp_path / "a.png"
    path.write_bytes(out.getvalue())
    given = [str(path), path, out.getvalue(), np.asarray(flat), flat]
    embedded = release.embed_images(given)
    np.testing.assert_allclose(embedded, np.tile(embedded[:1], (5, 1)), atol=1e-6)
    one_array = release.embed_images(np.asarray(flat)[None])
    np.testing.assert_allclose(one_array, embedded[:1], atol=1e-6)


def test_nothing_gives_nothing(release):
    assert release.embed_images([]).shape == (0, 32)
    assert release.embed_texts([]).shape == (0, 32)
    assert release.similarity([], ["a"]).shape == (0, 1)


def test_an_image_that_cannot_be_decoded_is_named_or_nan(release, records, tmp_path):
    good = records[0].image
    path = tmp_path / "torn.png"
    path.write_bytes(good[: len(good) // 2])
    given = [good, path, b"no image", tmp_path / "gone.png", good]
    with pytest.raises(diptych.InputError) as caught:
        release.embed_images(given)
    assert str(caught.value) == (
        f"{path}: cannot be decoded as an image; 2 more images cannot be used either"
    )
    with pytest.raises(diptych.InputError, match=r"^images\[1\]: is not an image of a format"):
        release.embed_images([good, b"no image"])
    embeddings, valid = release.try_embed_images(given)
    assert valid.tolist() == [True, False, False, False, True]
    assert np.isnan(embeddings).all(axis=1).tolist() == (~valid).tolist()
    np.testing.assert_allclose(embeddings[0], release.embed_images([good])[0], atol=1e-6)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda r: r.embed_images("a.png"), "images are given as a list: write [image] for a "),
        (lambda r: r.embed_images(np.zeros((2, 2, 3), np.uint8)), "images are given as a list or"),
        (lambda r: r.try_embed_images([7]), "images[0] is of the type int, not a path"),
        (lambda r: r.embed_texts("cat"), "texts are given as a list: write [text] for a single"),
        (lambda r: r.embed_texts(["a", None]), "texts[1] is of the type NoneType, not a text"),
        (lambda r: r.embed_texts(["\ud800"]), "texts[0] holds half of a character: "),
        (lambda r: r.search(np.zeros(3)), "the query has the shape [3], this index takes [32]"),
        (lambda r: r.search("cat", k=0), "k = 0 must be at least 1"),
        (lambda r: r.index("nowhere"), "nowhere: is not there"),
    ],
)
def test_a_wrong_argument_is_a_sentence(release, call, sentence):
    with pytest.raises(diptych.InputError) as caught:
        call(release)
    assert sentence in str(caught.value)


def test_a_search_in_the_release_by_text_image_and_embedding(release, records):
    images = release.embed_images([record.image for record in records])
    for query, vector in (
        ("cat", release.embed_texts(["cat"])[0]),
        (records[3].image, images[3]),
        (images[5], images[5]),
    ):
        order = np.argsort(-(images @ vector), kind="stable")[:4]
        hits = release.search(query, k=4)
        assert [hit.key for hit in hits] == [records[n].key for n in order]
        np.testing.assert_allclose([hit.score for hit in hits], (images @ vector)[order], atol=1e-5)


def test_the_index_of_a_release_shows_its_records(release, records):
    catalogue = release.catalogue()
    assert list(catalogue.keys) == [record.key for record in records]
    for record in records:
        captions = tuple(dict.fromkeys(record.captions))  # ingest keeps each text once
        assert catalogue.captions(record.key) == captions
        assert catalogue.attributes(record.key) == record.attributes
        with Image.open(io.BytesIO(catalogue.thumbnail(record.key))) as small:
            assert max(small.size) <= 96
    counts = catalogue.attribute_counts()["category"]
    assert sum(counts.values()) == len(records)
    category = records[0].attributes["category"]
    among = catalogue.search(release.embed_texts(["cat"])[0], 99, {"category": category})
    assert {hit.key for hit in among} == {
        record.key for record in records if record.attributes["category"] == category
    }
    assert len(among) == counts[category]


def test_a_folder_is_indexed(release, records, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, record in enumerate(records[:20]):
        (folder / f"{number}.png").write_bytes(record.image)
    (folder / "broken.png").write_bytes(records[0].image[:100])
    index = release.index(folder)
    assert [*index.failures] == ["broken.png"]
    [hit] = index.search(release.embed_images([records[7].image])[0], 1)
    assert (hit.path, hit.score) == (folder / "7.png", pytest.approx(1, abs=1e-5))


def test_threads_may_share_a_release(release, records):
    images = [record.image for record in records[:20]]
    expected = release.embed_images(images)
    answers = {}

    def embed(number):
        answers[number] = release.embed_images(images)

    threads = [threading.Thread(target=embed, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(4):
        np.testing.assert_allclose(answers[number], expected, atol=1e-6)


def test_loading_imports_nothing_of_the_pipeline(small_run):
    program = (
        "import sys, diptych; r = diptych.load(sys.argv[1]); r.search('cat'); "
        "r.index(sys.argv[2]); print(*sys.modules)"
    )
    folder = small_run.folder / "serving"
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder), str(ROOT / "docs")],
        capture_output=True, text=True, cwd=ROOT, check=True, env={**os.environ},
    )  # fmt: skip
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert "tensorflow" in loaded
    foreign = {"tfx", "apache_beam", "kfp", "mlflow", "tensorflow_transform", "ml_metadata"}
    assert not loaded & (foreign | {"trainer", "pipeline", "kubeflow"})
