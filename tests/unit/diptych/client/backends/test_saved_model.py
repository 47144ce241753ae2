"""A model in this process: it outlives its folder, and says what is wrong with a call."""

import os
import shutil

import numpy as np
import pytest

from diptych.client.backends import model_copies
from diptych.client.backends.saved_model import SavedModel
from schema import features, serving_names
from schema.errors import InputError

WORDS = "one two three"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("model")
    (folder / "words").write_text(WORDS)

    class Towers(tf.Module):
        def __init__(self):
            super().__init__()
            self.words = tf.saved_model.Asset(str(folder / "words"))

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, serving_names.TEXT_INPUT)])
        def embed_text(self, text):
            length = tf.strings.length(tf.io.read_file(self.words.asset_path))
            sizes = tf.cast(
                tf.stack([tf.strings.length(text), tf.fill(tf.shape(text), length)], 1), tf.float32
            )
            with tf.control_dependencies([tf.debugging.assert_less(sizes[:, 0], 9.0, "too long")]):
                return {features.EMBEDDING: tf.identity(sizes)}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, serving_names.IMAGE_INPUT)])
        def embed_image(self, image):
            rows = tf.zeros([tf.shape(image)[0], 2])
            return {features.EMBEDDING: rows, features.VALID: tf.ones(tf.shape(image), tf.bool)}

    towers = Towers()
    signatures = {
        serving_names.EMBED_TEXT: towers.embed_text,
        serving_names.EMBED_IMAGE: towers.embed_image,
    }
    tf.saved_model.save(towers, str(folder / "saved"), signatures)
    return folder / "saved"


def test_a_model_whose_folder_is_removed_goes_on_and_leaves_nothing_behind(
    saved, tmp_path, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "own"))
    (tmp_path / "own").mkdir()
    shutil.copytree(saved, tmp_path / "model")
    model = SavedModel(tmp_path / "model", "m release 1", "d")
    before = model.embed_texts([b"abc"])
    assert before.tolist() == [[3, len(WORDS)]]
    shutil.rmtree(tmp_path / "model")
    assert np.array_equal(model.embed_texts([b"abc"]), before)
    [place] = (tmp_path / "own").iterdir()
    assert os.listdir(place / "assets") == ["words"]
    del model
    assert not place.exists()


def test_a_call_that_fails_says_why(saved):
    model = SavedModel(saved, "m release 1", "d")
    with pytest.raises(InputError, match=r"the model fails: .*too long") as caught:
        model.embed_texts([b"x" * 10])
    assert "Graph execution error" not in str(caught.value)


def test_in_a_fork_of_the_process_it_is_an_error(saved):
    model = SavedModel(saved, "m release 1", "d")
    model._process = -1  # of the parent
    with pytest.raises(InputError, match="loaded before this process was forked"):
        model.embed_texts([b"a"])


def test_what_a_killed_process_left_is_removed_and_nothing_else(saved, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    in_use = model_copies.make(saved)
    killed = model_copies.make(saved)
    os.close(killed.lock)
    (tmp_path / "other").mkdir()
    (tmp_path / "diptych-model-link").symlink_to("other")
    new = model_copies.make(saved)
    names = {in_use.folder.name, new.folder.name, "other", "diptych-model-link"}
    assert set(os.listdir(tmp_path)) == names
    model_copies.remove(*new, process=-1)  # by a fork
    assert new.folder.exists()
    for copy in (in_use, new):
        model_copies.remove(*copy, os.getpid())
    assert set(os.listdir(tmp_path)) == {"other", "diptych-model-link"}
    assert (saved / "assets" / "words").read_text() == WORDS
