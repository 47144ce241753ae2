"""Metrics of the embedding space by hand or against slow references, and their sample."""

import numpy as np
import pytest

from components.evaluator.metrics import embedding_sample
from components.evaluator.metrics.embedding_space import NAMES, EmbeddingStatistics
from components.evaluator.metrics.measure import measure
from components.evaluator.metrics.measurement import Measurements
from components.evaluator.metrics.scores import Scores
from schema.text.stable_hash import hash_of
from tests.support.scores import random_scores, scores_of


def measured(parts: list[Scores], resamples: int = 100) -> Measurements:
    return measure(Scores.concatenate(parts), resamples, 0.95)


def values(parts: list[Scores]) -> dict[str, float]:
    return {name: each.candidate.value for name, each in measured(parts).items()}


def test_embeddings_by_hand():
    # Two images at right angles, lengths 2 and 3; three captions along one of them.
    images = [np.array([2.0, 0]), np.array([0, 3.0])]
    texts = [np.array([[1.0, 0], [1, 0]]), np.array([[5.0, 0]])]
    parts = scores_of([1, 1], [[1, 1], [1]], embeddings=list(zip(images, texts, strict=True)))
    found = values(parts)
    # Mean image (1/2, 1/2), mean text (1, 0): the difference has length sqrt(1/4 + 1/4).
    assert found["modality_gap"] == pytest.approx(np.sqrt(0.5))
    assert found["image_embedding_variance"] == pytest.approx(1 - 0.5)
    assert found["text_embedding_variance"] == pytest.approx(0, abs=1e-9)  # collapsed
    # The images lie at a squared distance of 2, the captions at none: log exp(-2 * 2), log 1.
    assert found["image_uniformity"] == pytest.approx(-4, abs=1e-6)
    assert found["text_uniformity"] == pytest.approx(0, abs=1e-6)


def test_a_repeated_text_is_one_point_of_the_space():
    # 'a' along one axis with three images, 'b' along the other one with the fourth.
    images, axes = np.eye(4), {"a": np.array([1.0, 0, 0, 0]), "b": np.array([0, 1.0, 0, 0])}
    said = [["a"], ["A ", "b"], ["a"], ["b"]]
    spaces = [
        (image, np.array([axes[each.strip().lower()] for each in texts]))
        for image, texts in zip(images, said, strict=True)
    ]
    parts = scores_of([1] * 4, [[1] * len(s) for s in said], embeddings=spaces, captions=said)
    for order in (parts, parts[::-1], [parts[1], parts[0], parts[3], parts[2]]):
        found = measured(order)
        # The mean of the two texts is (1/2, 1/2, 0, 0), of the four images (1/4, ...).
        assert found["text_embedding_variance"].candidate.value == pytest.approx(1 / 2)
        assert found["text_embedding_variance"].count == 2
        assert found["text_uniformity"].candidate.value == pytest.approx(-4)
        assert found["modality_gap"].candidate.value == pytest.approx(1 / 2)
    same = scores_of([1] * 4, [[1]] * 4, captions=[["a"]] * 4)
    assert "text_uniformity" not in measured(same)  # one text has no other


def test_of_two_roundings_of_a_text_the_one_of_the_least_hash_counts():
    spaces = [(np.eye(3)[n], np.eye(3)[[n]]) for n in range(2)]
    parts = scores_of([1, 1], [[1], [1]], embeddings=spaces, captions=[["a"], ["a"]])
    least = min(range(2), key=lambda n: hash_of(parts[n].keys[0]))
    for order in (parts, parts[::-1]):
        joined = Scores.concatenate(order).sample.spaces[0].texts
        np.testing.assert_array_equal(joined, np.eye(3)[[least]])


def test_uniformity_is_that_of_every_pair_one_by_one():
    parts = random_scores(120, seed=2)
    ordered = [part.sample.spaces[0] for part in parts]
    for name, field in (("image_uniformity", "images"), ("text_uniformity", "texts")):
        vectors = np.concatenate([getattr(space, field) for space in ordered]).astype(float)
        pairs = [((a - b) ** 2).sum() for n, a in enumerate(vectors) for b in vectors[:n]]
        expected = np.log(np.exp(-2 * np.array(pairs)).mean())
        assert values(parts)[name] == pytest.approx(expected, abs=1e-5)


def test_the_mean_image_is_that_of_all_records_though_only_a_sample_is_kept(monkeypatch):
    monkeypatch.setattr(embedding_sample, "SAMPLE_SIZE", 40)
    parts = random_scores(200, seed=3)
    joined = Scores.concatenate(parts)
    assert joined.sample.spaces[0].images.shape == (40, 8)
    least = sorted(hash_of(key) for key in joined.keys)[:40]
    assert joined.sample.hashes.tolist() == least
    images = np.concatenate([part.sample.spaces[0].images for part in parts]).mean(0)
    ids = np.concatenate([part.sample.text_ids for part in parts])
    texts = np.concatenate([part.sample.spaces[0].texts for part in parts])
    texts = texts[np.argsort(ids)[:40]].mean(0)  # all differ
    found = values(parts)
    assert found["modality_gap"] == pytest.approx(np.linalg.norm(images - texts), abs=1e-6)
    assert found["image_embedding_variance"] == pytest.approx(1 - images @ images, abs=1e-6)
    statistics = EmbeddingStatistics(joined)
    assert statistics.background["modality_gap"].count == 200
    assert statistics.background["text_embedding_variance"].count == 40
    assert statistics.background["image_uniformity"].count == 40


@pytest.mark.parametrize("dims", [(8, 3), (3, 8)])
def test_a_baseline_may_embed_into_a_space_of_another_size(dims):
    rng = np.random.default_rng(4)
    spaces = [[(rng.normal(size=d), rng.normal(size=(1, d))) for _ in range(30)] for d in dims]
    ranks = ([1] * 30, [[1]] * 30)
    baseline = scores_of(*ranks, embeddings=spaces[1])
    both = measured(scores_of(*ranks, embeddings=spaces[0], baseline=baseline))
    alone = [measured(scores_of(*ranks, embeddings=each)) for each in spaces]
    for name in NAMES:
        for found, expected in (
            (both[name].candidate, alone[0][name].candidate),
            (both[name].baseline, alone[1][name].candidate),
        ):
            assert found is not None
            assert found.value == pytest.approx(expected.value)
            assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_a_zero_embedding_stays_zero():
    assert embedding_sample.unit(np.array([[0.0, 0], [3, 4]])).tolist() == [
        [0, 0],
        [0.6000000238418579, 0.800000011920929],
    ]
