"""What the Evaluator of the small run measured, against a slow reference."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components.evaluator import gates, report
from components.evaluator.metrics.measurement import Results
from components.evaluator.ranking.embedded import Embedded
from components.evaluator.ranking.ranking import rank
from schema import features
from tests.support.metric_names import (
    EMBEDDING_METRICS,
    RANK_METRICS,
    TOKEN_METRICS,
    ZERO_SHOT_METRICS,
)
from tests.support.ranking import embedded as embedded_records
from tests.support.small_run import EVAL_RECORDS


@pytest.fixture(scope="module")
def embedded(small_run) -> Embedded:
    """The eval split embedded by the trainer's own model, outside of Beam and TFMA.

    Two runs of a matrix product may round differently and swap two captions that score nearly
    the same, so ranks are compared to about one place; `test_ranking_reference` compares them
    exactly.
    """
    raw = [e.SerializeToString() for e in small_run.examples("eval")]
    out = small_run.served.serving_default(tf.constant(raw))
    found = small_run.examples("eval")
    captions = [
        [c.decode() for c in e.features.feature[features.CAPTIONS].bytes_list.value] for e in found
    ]
    owner = [n for n, each in enumerate(captions) for _ in each]
    column = [c for each in captions for c in range(len(each))]
    return embedded_records(
        [e.features.feature[features.IMAGE_KEY].bytes_list.value[0].decode() for e in found],
        [c for each in captions for c in each],
        out["image_embedding"].numpy(),
        out["text_embeddings"].numpy()[owner, column],
        owner,
    )


@pytest.fixture(scope="module")
def evaluated(small_run) -> Results:
    """The measurements that the Evaluator wrote."""
    [artifact] = small_run.outputs["Evaluator"]["evaluation"]
    return report.read(Path(artifact.uri)).results


def test_the_evaluation_counts_the_tokens_of_distinct_captions(small_run, evaluated):
    tokenize = tf.saved_model.load(str(small_run.release)).text_tower.tokens
    captions = [
        caption.decode()
        for each in small_run.examples("eval")
        for caption in each.features.feature[features.CAPTIONS].bytes_list.value
    ]
    texts = sorted({caption.lower() for caption in captions})
    tokens = tokenize(tf.constant(texts))["tokens"].numpy()
    vocabulary = (small_run.release / "assets" / "vocabulary").read_text().splitlines()
    unknown = [
        i for i, piece in enumerate(vocabulary) if piece == "[UNK]" or piece.startswith("<0x")
    ]
    assert len(unknown) == 1 + 16  # in a vocabulary of 400
    rows = Counter(map(tuple, tokens.tolist()))
    measured = evaluated[()]["unknown_token_share"]
    assert measured.count == (tokens > 0).sum()
    assert measured.candidate.value == np.isin(tokens, unknown).sum() / measured.count
    measured = evaluated[()]["equal_caption_share"]
    assert measured.count == len(texts)
    equal = sum(times for times in rows.values() if times > 1)
    assert measured.candidate.value == equal / len(texts)


def test_the_evaluation_is_the_ranking_over_all_candidates(evaluated, embedded):
    of_images, of_texts = rank(embedded)
    for key in ((), ("vendor", "fluent-emoji-flat")):  # the one vendor is the whole split
        found = {name: each.candidate.value for name, each in evaluated[key].items()}
        expected = {*RANK_METRICS, *EMBEDDING_METRICS, *ZERO_SHOT_METRICS}
        assert set(found) == expected | set(() if key else TOKEN_METRICS)
        for direction, ranks in (("image_to_text", of_images), ("text_to_image", of_texts)):
            best, precision = ranks.best, ranks.average_precision
            for k in (1, 5, 10):
                expected = (best <= k).mean()
                assert found[f"{direction}_recall_at_{k}"] == pytest.approx(expected, abs=0.012)
            assert found[f"{direction}_mrr"] == pytest.approx((1 / best).mean(), abs=2e-3)
            assert found[f"{direction}_map"] == pytest.approx(precision.mean(), abs=2e-3)
            assert found[f"{direction}_mean_rank"] == pytest.approx(best.mean(), abs=0.1)
            assert found[f"{direction}_median_rank"] == pytest.approx(np.median(best), abs=1)
        assert evaluated[key]["image_to_text_mrr"].count == EVAL_RECORDS
        assert evaluated[key]["text_to_image_mrr"].count == len(of_texts.best)


def test_the_shape_of_the_space_is_that_of_the_embeddings(evaluated, embedded):
    image, text = embedded.images.mean(0), embedded.texts.mean(0)
    found = evaluated[()]
    for name, expected in (
        ("modality_gap", np.linalg.norm(image - text)),
        ("image_embedding_variance", 1 - image @ image),
        ("text_embedding_variance", 1 - text @ text),
    ):
        assert found[name].candidate.value == pytest.approx(expected, abs=1e-4)


def test_a_slice_is_a_slice_of_the_queries_and_never_of_the_candidates(
    small_run, evaluated, embedded
):
    category = {
        e.features.feature[features.IMAGE_KEY].bytes_list.value[0].decode(): e.features.feature[
            features.attribute("category")
        ]
        .bytes_list.value[0]
        .decode()
        for e in small_run.examples("eval")
    }
    of_images, _ = rank(embedded)
    groups = Counter(category.values())
    assert len(groups) > 4
    for group in groups:
        mine = [of_images.best[n] for n, key in enumerate(embedded.keys) if category[key] == group]
        found = evaluated[("category", group)]
        reciprocal = np.mean(1 / np.array(mine))
        assert found["image_to_text_mrr"].candidate.value == pytest.approx(reciprocal, abs=5e-3)
        median = found["image_to_text_median_rank"].candidate.value
        assert median == pytest.approx(np.median(mine), abs=1.5)


def test_every_record_is_in_one_bucket_of_each_built_in_slice(evaluated):
    for name, buckets in (
        ("caption_length", {"1", "2-3", "4-7", "8-15", "16+"}),
        ("aspect_ratio", {"square"}),  # emoji
    ):
        found = {
            key[1]: measured["image_to_text_mrr"].count
            for key, measured in evaluated.items()
            if key and key[0] == name
        }
        assert set(found) <= buckets
        assert sum(found.values()) == EVAL_RECORDS


def test_a_first_run_has_nothing_to_compare_with(small_run, evaluated):
    [artifact] = small_run.outputs["Evaluator"]["evaluation"]
    decided = gates.read(artifact.uri)
    assert decided.passed
    assert decided.baseline is None
    assert "without a release to compare with" in decided.gates[1].sentence
    assert all(each.baseline is None for each in evaluated[()].values())
    [blessing] = small_run.outputs["Evaluator"]["blessing"]
    assert blessing.get_int_custom_property("blessed") == 1
    assert not blessing.has_custom_property("baseline_model_id")


def test_training_beats_chance(evaluated):
    # 10 epochs on 240 images are few; a random order finds the match among the first ten of 90
    # candidates for 11 % of the queries, with a standard deviation of 2.3 points over 180.
    recall = evaluated[()]["text_to_image_recall_at_10"].candidate
    assert recall.value > 0.11 + 3 * 0.023


def test_a_gate_without_slice_holds_the_whole_and_no_slice_to_its_bound(small_run, evaluated):
    gate = small_run.config.evaluation.gates[0]
    assert evaluated[()][gate.metric].candidate.value > gate.at_least
    least = min(m[gate.metric].candidate.value for key, m in evaluated.items() if key)
    assert least < gate.at_least
