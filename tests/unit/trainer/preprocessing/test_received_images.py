"""The served image tower: files as clients have them, damaged ones, and batches of nothing."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.example_gen.images.preparation import ImageLimits, prepare
from components.serving_check.inputs.odd_images import odd_images
from schema import serving_names
from tests.support import training
from tests.support.image_files import ABOUT, EXACT, NOT_IN_THE_GRAPH
from tests.support.odd_image_files import FOREIGN, MORE
from trainer.export.saved_models import ImageTower
from trainer.models.dual_encoder import DualEncoder
from trainer.preprocessing.image_files import image_formats

FILES: dict[str, Any] = {
    **{name: given[0] for name, given in {**EXACT, **ABOUT}.items()},
    **MORE,
}
GOOD = EXACT["png rgb"][0]
DAMAGED = [b"", GOOD[:60], ABOUT["jpeg"][0][:-40], b"<svg/>", FOREIGN["avif"][0]]


def tower(encoding: str = "png") -> ImageTower:
    return ImageTower(DualEncoder(training.config(image={"size": 24, "encoding": encoding})))


@pytest.fixture(scope="module")
def embed(tmp_path_factory):
    """The signature of a tower that was written and read."""
    folder: Path = tmp_path_factory.mktemp("tower")
    made = tower()
    signatures = {serving_names.SERVING_DEFAULT: made.__call__}
    tf.saved_model.save(made, str(folder), signatures=signatures)
    loaded = tf.saved_model.load(str(folder))

    def call(images: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
        answer = loaded.signatures[serving_names.SERVING_DEFAULT](
            image=tf.constant(images, tf.string)
        )
        return answer["embedding"].numpy(), answer["valid"].numpy()

    return call


def test_bytes_as_a_client_has_them_are_embedded_like_what_ingest_stores(embed):
    names = [name for name in FILES if name not in NOT_IN_THE_GRAPH]
    assert len(names) > 50
    limits = ImageLimits(10**6, 10**6)
    given, valid = embed([FILES[name] for name in names])
    stored, _ = embed([prepare(FILES[name], limits).image for name in names])
    assert valid.all()
    off = np.abs(given - stored).max(1)
    assert {name: value for name, value in zip(names, off, strict=True) if value > 1e-5} == {}


def test_an_odd_image_is_embedded_like_a_plain_one(embed):
    odd = odd_images()
    given, _ = embed([each.image for each in odd])
    plain, _ = embed([each.plain for each in odd])
    np.testing.assert_allclose(given, plain, atol=1e-5)


def test_images_that_are_not_turned_would_differ(monkeypatch):
    """What the two tests above would see: the smallest network tells an image from its mirror's."""
    turned = [each for each in odd_images() if "orientation" in each.kind]
    made = tower()
    plain = made(tf.constant([each.plain for each in turned]))["embedding"].numpy()
    monkeypatch.setattr(image_formats, "upright", lambda native, _: native)
    squares = [image_formats.decode(each.image) for each in turned]
    given = np.stack([tf.image.resize(each, (24, 24)) for each in squares])
    assert np.abs(made._embed(given).numpy() - plain).max(1).min() > 1e-3


def test_what_the_graph_cannot_decode_is_marked_and_the_others_are_answered(embed):
    alone, _ = embed([GOOD])
    unknown = [FILES[name] for name in NOT_IN_THE_GRAPH]
    batch = [GOOD, *DAMAGED, *unknown, GOOD]

    def ask(_: int) -> tuple[np.ndarray, np.ndarray]:
        return embed(batch)

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(24)))
    for embedding, valid in answers:
        assert valid.tolist() == [True] + [False] * (len(batch) - 2) + [True]
        assert np.isnan(embedding[1:-1]).all()
        np.testing.assert_allclose(embedding[[0, -1]], alone[[0, 0]], atol=1e-6)


def test_a_batch_of_no_images_or_of_damaged_ones_only(embed):
    embedding, valid = embed([])
    assert embedding.shape == (0, 6)
    assert valid.shape == (0,)
    embedding, valid = embed([b"", b"?"])
    assert np.isnan(embedding).all()
    assert not valid.any()


def test_small_jpegs_are_read_as_training_reads_them():
    """Transform writes JPEGs of quality 95 where the config says so: the tower sees the same."""
    from trainer.preprocessing import images as pixels

    made = tower("jpeg")
    config = made._config
    images = tf.constant([FILES["png rgb"], FILES["jpeg"]])
    stored = [pixels.read(one, config) for one in pixels.transform(images, config)]
    expected = made._embed(tf.stack(stored)).numpy()
    np.testing.assert_allclose(made(images)["embedding"].numpy(), expected, atol=1e-6)
