"""Intervals: against a slow loop, by their coverage, and paired between two models."""

import dataclasses
import random

import numpy as np
import pytest

from components.evaluator.metrics import bootstrap
from components.evaluator.metrics.bootstrap import SEED, draw, percentiles, resample
from components.evaluator.metrics.embedding_space import EmbeddingStatistics
from components.evaluator.metrics.measure import measure
from components.evaluator.metrics.pairs import PairStatistics
from components.evaluator.metrics.retrieval import image_to_text, text_to_image
from components.evaluator.metrics.scores import Scores
from components.evaluator.metrics.zero_shot import zero_shot
from tests.support.scores import random_scores, scores_of


def test_each_resample_draws_as_many_records_as_there_are(monkeypatch):
    monkeypatch.setattr(bootstrap, "NUMBERS_AT_ONCE", 100)  # chunks of 14 resamples, then 2
    chunks = list(draw(7, 30))
    assert [len(chunk) for chunk in chunks] == [14, 14, 2]
    weights = np.concatenate(chunks)
    assert (weights.sum(1) == 7).all()
    assert (weights >= 0).all()
    # Each record is drawn once on average; 30 resamples, standard deviation sqrt(6/7 / 30) = 0.17.
    assert np.abs(weights.mean(0) - 1).max() < 4 * 0.17


def test_the_same_seed_draws_the_same():
    first, again, other = (np.concatenate(list(draw(9, 5, seed))) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize("statistics", [image_to_text, zero_shot, PairStatistics])
def test_a_resample_is_the_metric_of_its_records_drawn_one_by_one(statistics):
    """Slow reference: write every record down as often as it was drawn and measure afresh."""
    parts = random_scores(40, seed=5)
    whole = statistics(Scores.concatenate(parts).sorted())
    weights = np.concatenate(list(draw(40, 25)))
    fast = whole(weights)
    for row, counts in enumerate(weights.astype(int)):
        repeated = [part for part, count in zip(parts, counts, strict=True) for _ in range(count)]
        drawn = Scores.concatenate(repeated)
        slow = statistics(drawn)
        assert list(slow.background) == list(whole.background)
        np.testing.assert_allclose(fast[row], slow(np.ones((1, 40)))[0], rtol=1e-12)


def test_a_resample_of_texts_is_that_of_the_texts_of_the_images_drawn():
    """Slow reference: write each distinct text down as often as its first image was drawn."""
    rng = np.random.default_rng(13)
    # 40 images say 1 to 3 of 60 texts; the rank belongs to the text.
    ranks = rng.geometric(0.2, 60).astype(float)
    said = [rng.choice(60, rng.integers(1, 4), replace=False) for _ in range(40)]
    scores = Scores.concatenate(
        scores_of(
            [1.0] * 40,
            [ranks[texts].tolist() for texts in said],
            captions=[[f"text {n}" for n in texts] for texts in said],
        )
    )
    first: dict[int, list[int]] = {}  # the texts by the image that says them first
    seen: set[int] = set()
    for image, texts in enumerate(said):
        new = [n for n in texts.tolist() if n not in seen]
        seen |= set(new)
        if new:
            first[image] = new
    statistics = text_to_image(scores.sorted())
    assert statistics.units == len(first) < 40
    assert statistics.background["text_to_image_mrr"].count == len(seen) < 60
    weights = np.concatenate(list(draw(len(first), 25)))
    names = list(statistics.background)
    for row, counts in zip(statistics(weights)[:, 0], weights.astype(int), strict=True):
        drawn = [
            ranks[n]
            for texts, count in zip(first.values(), counts, strict=True)
            for n in texts * count
        ]
        assert row[names.index("text_to_image_mrr")] == pytest.approx(np.mean(1 / np.array(drawn)))
        assert row[names.index("text_to_image_median_rank")] == np.median(drawn)
        recall = np.mean(np.array(drawn) <= 5)
        assert row[names.index("text_to_image_recall_at_5")] == pytest.approx(recall)


def test_a_text_of_hundreds_of_images_is_one_query():
    """Ten texts over 500 images; nine are found first and one fourth."""
    ranks = [1.0] * 9 + [4.0]
    scores = Scores.concatenate(
        scores_of(
            [1.0] * 500,
            [[ranks[n % 10]] for n in range(500)],
            captions=[[f"class {n % 10}"] for n in range(500)],
        )
    )
    found = measure(scores, 2000, 0.95)
    mrr = found["text_to_image_mrr"]
    assert mrr.count == 10
    assert mrr.candidate.value == pytest.approx((9 + 1 / 4) / 10)
    # The text found fourth is drawn 0 to 4 times of ten: P(Binomial(10, 0.1) > 3) = 0.013 and
    # P(> 2) = 0.070, so the lower end is at three times and the upper one at none.
    assert mrr.candidate.low == pytest.approx((7 + 3 / 4) / 10)
    assert mrr.candidate.high == 1
    assert found["image_to_text_mrr"].count == 500


def test_units_that_are_all_alike_do_not_say_that_all_others_would_be():
    scores = scores_of([1.0] * 10, [[1.0, 1.0]] * 5 + [[1.0]] * 5)
    found = measure(Scores.concatenate(scores), 100, 0.95)
    # Clopper and Pearson for 10 of 10: 0.025^(1/10) = 0.6915. The fifteen texts are those of ten
    # images, which are what is drawn.
    for name in ("image_to_text_recall_at_1", "text_to_image_mrr"):
        each = found[name].candidate
        assert (each.value, each.high) == (1, 1)
        assert each.low == pytest.approx(0.6915, abs=5e-5)
    missed = measure(Scores.concatenate(scores_of([40.0] * 10, [[2.0]] * 10)), 100, 0.95)
    none = missed["image_to_text_recall_at_10"].candidate
    assert (none.value, none.low) == (0, 0)
    assert none.high == pytest.approx(1 - 0.6915, abs=5e-5)
    # 0.5 may be 0 or 1 for the 31 % unseen: 0.5 -+ 0.5 * 0.3085.
    half = missed["text_to_image_mrr"].candidate
    assert half.low == pytest.approx(0.5 * 0.6915, abs=5e-5)
    assert half.high == pytest.approx(1 - 0.5 * 0.6915, abs=5e-5)


def test_a_resample_of_embeddings_never_pairs_a_record_or_a_text_with_itself():
    joined = Scores.concatenate(random_scores(12, seed=6))
    space, texts = joined.sample.spaces[0], len(joined.sample.text_ids)
    assert texts == joined.captions.sum() > 12
    found = EmbeddingStatistics(joined).drawn(5)[:, 0]
    draws = (np.concatenate(list(draw(12, 5))), np.concatenate(list(draw(texts, 5, SEED + 1))))
    for row, *weights in zip(found, *draws, strict=True):
        [image, text] = drawn = [np.repeat(np.arange(len(w)), w.astype(int)) for w in weights]
        image, text = space.images[image].mean(0), space.texts[text].mean(0)
        assert row[0] == pytest.approx(np.linalg.norm(image - text), abs=1e-6)
        assert row[1] == pytest.approx(1 - image @ image, abs=1e-6)
        assert row[2] == pytest.approx(1 - text @ text, abs=1e-6)
        for column, vectors, places in zip((3, 4), (space.images, space.texts), drawn, strict=True):
            kept = [
                np.exp(-2 * ((vectors[a] - vectors[b]) ** 2).sum())
                for a in places
                for b in places
                if a != b
            ]
            assert row[column] == pytest.approx(np.log(np.mean(kept)), abs=1e-5)


def test_percentiles_are_numpys_and_leave_out_what_is_unknown():
    values = np.random.default_rng(0).normal(size=(1000, 2, 3))
    low, high = percentiles(values, 0.9)
    np.testing.assert_allclose(low, np.quantile(values, 0.05, axis=0), rtol=1e-12)
    np.testing.assert_allclose(high, np.quantile(values, 0.95, axis=0), rtol=1e-12)
    values[::2, 0, 0], values[:, 1, 1] = np.nan, np.nan
    low, high = percentiles(values, 0.9)
    assert low[0, 0] == pytest.approx(np.quantile(values[1::2, 0, 0], 0.05))
    assert high[0, 2] == pytest.approx(np.quantile(values[:, 0, 2], 0.95))
    assert np.isnan([low[1, 1], high[1, 1]]).all()


def test_the_interval_of_a_share_covers_the_truth_as_often_as_it_says():
    """Of 300 data sets of 150 queries that succeed with odds of 0.3, some 95 % must hold 0.3."""
    rng, held, widths = np.random.default_rng(7), 0, []
    for _ in range(300):
        share = (rng.random(150) < 0.3) / 150
        low, high = percentiles(resample(share.__rmatmul__, 150, 400), 0.95)
        held += bool(low <= 0.3 <= high)
        widths.append(high - low)
    # The share that holds has a standard deviation of sqrt(0.95 * 0.05 / 300) = 0.013, and
    # percentile intervals of a share fall short by a point or two.
    assert 0.90 <= held / 300 <= 0.99
    # A binomial share: 2 * 1.96 * sqrt(0.3 * 0.7 / 150).
    assert np.mean(widths) == pytest.approx(0.1467, rel=0.05)


def test_captions_of_one_image_are_drawn_together():
    """Ten captions that succeed together are worth one, not ten."""
    rng = np.random.default_rng(8)
    ranks = rng.choice([1.0, 20.0], 100).tolist()
    alone = scores_of(ranks, [[rank] for rank in ranks])
    tenfold = scores_of(ranks, [[rank] * 10 for rank in ranks])
    first, second = (
        measure(Scores.concatenate(parts), 500, 0.95)["text_to_image_recall_at_10"]
        for parts in (alone, tenfold)
    )
    assert (first.count, second.count) == (100, 1000)
    assert first.candidate == second.candidate


def two_models(seed: int, share_changed: float) -> Scores:
    rng = np.random.default_rng(seed)
    before = np.array([rng.geometric(0.1, 400), rng.geometric(0.1, 400)], float)
    changed = rng.random((2, 400)) < share_changed
    after = np.where(changed, np.maximum(1, before - 2), before)
    old = scores_of(before[0].tolist(), [[rank] for rank in before[1]])
    return Scores.concatenate(scores_of(after[0].tolist(), [[r] for r in after[1]], baseline=old))


def test_the_difference_of_two_models_on_the_same_queries_is_narrower_than_each():
    found = measure(two_models(9, 0.1), 1000, 0.95)["text_to_image_mrr"]
    assert found.baseline is not None
    assert found.difference is not None
    assert found.difference.value == found.candidate.value - found.baseline.value > 0
    widths = [e.high - e.low for e in (found.difference, found.candidate, found.baseline)]
    assert widths[0] < 0.5 * min(widths[1:])
    assert found.difference.low <= found.difference.value <= found.difference.high


def test_the_interval_of_the_difference_is_that_of_the_differences_of_each_query():
    scores = two_models(10, 0.3)
    found = measure(scores, 1000, 0.95)["text_to_image_mean_rank"].difference
    assert found is not None
    changes = scores.sorted().texts[:, 0, 0] - scores.sorted().texts[:, 1, 0]
    spread = [weights @ changes / 400 for weights in np.concatenate(list(draw(400, 1000)))]
    assert found.value == pytest.approx(changes.mean())
    assert found.low == pytest.approx(np.quantile(spread, 0.025))
    assert found.high == pytest.approx(np.quantile(spread, 0.975))


def test_a_model_does_not_differ_from_itself():
    parts = random_scores(300, seed=11)
    doubled = [
        dataclasses.replace(
            p,
            images=np.repeat(p.images, 2, axis=1),
            texts=np.repeat(p.texts, 2, axis=1),
            sample=dataclasses.replace(p.sample, spaces=p.sample.spaces * 2),
        )
        for p in parts
    ]
    for name, each in measure(Scores.concatenate(doubled), 200, 0.95).items():
        assert each.candidate == each.baseline, name
        assert each.difference is not None
        assert (each.difference.value, each.difference.low, each.difference.high) == (0, 0, 0), name


def test_the_values_of_small_splits_lie_within_their_intervals():
    for seed in range(5):
        scores = Scores.concatenate(random_scores(15, seed=seed, dim=64))
        for name, each in measure(scores, 300, 0.95).items():
            assert each.candidate.low <= each.candidate.value <= each.candidate.high, name


def test_the_order_of_the_records_changes_no_bit():
    parts = random_scores(200, seed=12)
    shuffled = random.Random(1).sample(parts, len(parts))
    first, second = (measure(Scores.concatenate(p), 100, 0.95) for p in (parts, shuffled))
    assert first == second
