"""Repeated captions through Beam and TFMA's metric: each distinct text is one query of a slice."""

import pickle
from typing import Any

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from components.evaluator.config import ZeroShotConfig
from components.evaluator.metrics.measure import measure
from components.evaluator.metrics.scores import Scores
from components.evaluator.metrics.zero_shot import class_ranks, embed_classes
from components.evaluator.ranking.ranking import rank
from components.evaluator.slices import slice_feature
from components.evaluator.tfma.extractor import ExtractScores
from components.evaluator.tfma.metric import SCORES, MeasureFn
from components.evaluator.tfma.scored_batch import FEATURES, INPUT, PREDICTIONS, Batch
from schema import features
from tests.support.ranking import embedded

# Six images, three texts; 'cat' is said in both shops, 'dog' in one, 'red' beside others.
SAID = [["cat", "red"], ["Cat"], ["dog"], ["dog", "red"], ["cat "], ["cat"]]
SHOP = ["a", "a", "a", "b", "b", "b"]
KIND = ["pet", "pet", "pet", "toy", "pet", None]
WORDS = {"cat": [1.0, 0.0, 0.2], "red": [0.4, 0.9, 0.0], "dog": [0.0, 1.0, 0.6]}
IMAGES = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
CLASSES = {"pet": [1.0, 0.0, 0.0], "house": [0.0, 1.0, 0.0]}


def embed(texts) -> np.ndarray:
    return np.array([CLASSES[text] for text in texts], np.float32)


def batch(first: int, last: int) -> dict[str, Any]:
    """What TFMA hands to an extractor behind its predictions."""
    rows = range(first, last)
    table = np.zeros((last - first, 2, 3), np.float32)
    for row, said in enumerate(SAID[first:last]):
        table[row, : len(said)] = [WORDS[text.strip().lower()] for text in said]

    def strings(rows: list) -> np.ndarray:
        found = np.empty(len(rows), object)
        found[:] = [np.array([each.encode() for each in row], object) for row in rows]
        return found

    return {
        FEATURES: {
            features.IMAGE_KEY: strings([[f"k{n}"] for n in rows]),
            features.CAPTIONS: strings(SAID[first:last]),
            features.attribute("shop"): strings([[SHOP[n]] for n in rows]),
            features.attribute("kind"): strings([[KIND[n]] if KIND[n] else [] for n in rows]),
        },
        INPUT: np.array([b"a record with its image"] * (last - first), object),
        PREDICTIONS: {
            features.IMAGE_EMBEDDING: IMAGES[first:last],
            features.TEXT_EMBEDDINGS: table,
        },
    }


FOUND: list[tuple[str, Scores]] = []  # of this module, because Beam copies what a closure holds


def keep(extracts: dict[str, Any]) -> None:
    given = extracts[FEATURES]
    shops = given[slice_feature("shop")][:, 0]
    FOUND.extend(zip(shops, given[SCORES][:, 0], strict=True))


@pytest.fixture(scope="module")
def extracted(tmp_path_factory) -> list[tuple[str, Scores]]:
    """The shop and the scores of every record."""
    folder = str(tmp_path_factory.mktemp("embedded"))
    zero_shot = ZeroShotConfig(attribute="kind")
    extract = ExtractScores({"": embed}, ["shop"], zero_shot, ["house", "pet"], folder)
    options = PipelineOptions(["--runner=FnApiRunner", "--sdk_container_image=none"])
    FOUND.clear()
    with beam.Pipeline(options=options) as pipeline:
        given = [batch(4, 6), batch(0, 3), batch(3, 4)]
        _ = pipeline | beam.Create(given, reshuffle=False) | extract | beam.Map(keep)
    assert len(FOUND) == 6
    return FOUND


class Element:
    """What TFMA hands to a combiner."""

    def __init__(self, scores: Scores):
        self._scores = np.array([scores], object)

    def get_features(self) -> dict[str, Any]:
        return {SCORES: self._scores}


def of_tfma(records: list[Scores]) -> dict[str, Any]:
    combiner = MeasureFn(("",), 200, 0.95)
    accumulator = combiner.create_accumulator()
    for each in records:
        accumulator = combiner.add_input(accumulator, Element(each))
    return {key.name: value for key, value in combiner.extract_output(accumulator).items()}


def ranks() -> tuple[dict[str, float], np.ndarray]:
    """The rank of each text and of each image, by the plain function."""
    flat = [(text, owner) for owner, said in enumerate(SAID) for text in said]
    data = embedded(
        [f"k{n}" for n in range(6)],
        [text for text, _ in flat],
        IMAGES,
        [WORDS[text.strip().lower()] for text, _ in flat],
        [owner for _, owner in flat],
    )
    of_images, of_texts = rank(data)
    return dict(zip(WORDS, of_texts.best, strict=True)), of_images.best


def test_each_text_asks_once_in_each_slice_that_says_it_against_all_images(extracted):
    texts, images = ranks()
    assert len(set(texts.values()) | set(images)) > 1
    for shop, said in ((None, ["cat", "red", "dog"]), ("a", ["cat", "red", "dog"])):
        chosen = [scores for name, scores in extracted if shop in (None, name)]
        found = of_tfma(chosen)
        mine = np.array([texts[text] for text in said])
        assert found["text_to_image_mrr/count"] == 3
        assert found["text_to_image_mrr/candidates"] == 6
        assert found["text_to_image_mrr"].value.value == pytest.approx((1 / mine).mean())
        assert found["text_to_image_recall_at_1"].value.value == pytest.approx((mine <= 1).mean())
        # 'cat' matches four of six images, 'red' and 'dog' two: (4/6 + 2/6 + 2/6) / 3.
        chance = found["text_to_image_recall_at_1/chance"]
        assert chance == pytest.approx((4 + 2 + 2) / 18)
        own = np.array([images[n] for n in range(6) if shop in (None, SHOP[n])])
        assert found["image_to_text_mrr/count"] == len(own)
        assert found["image_to_text_mrr/candidates"] == 3
        assert found["image_to_text_mrr"].value.value == pytest.approx((1 / own).mean())
        measured = measure(Scores.concatenate(chosen), 200, 0.95)["text_to_image_mrr"]
        assert found["text_to_image_mrr"].value.value == measured.candidate.value
        assert found["text_to_image_mrr"].lower_bound.value == measured.candidate.low


def test_no_image_and_no_vector_travels_with_a_batch(tmp_path):
    given = Batch.of(batch(0, 3), {"": embed}, ["shop"], None, str(tmp_path))
    assert list(given.extracts) == [FEATURES]
    assert [slice_feature("shop")] == list(given.extracts[FEATURES])
    travels = pickle.dumps(given)
    assert b"a record with its image" not in travels
    assert IMAGES[0].tobytes() not in travels
    np.testing.assert_array_equal(given.embedded[0].read().images, IMAGES[:3])


def test_zero_shot_chooses_among_the_classes_it_is_given(extracted):
    found = of_tfma([scores for _, scores in extracted])
    classes = embed_classes(["pet", "house"], ["{}"], embed)
    expected = class_ranks(IMAGES, KIND, classes)
    assert np.isnan(expected).tolist() == [False, False, False, True, False, True]
    assert found["zero_shot_top_1/count"] == 4
    assert found["zero_shot_top_1/candidates"] == 2
    assert found["zero_shot_top_1/chance"] == 0.5
    assert found["zero_shot_top_1"].value.value == np.nanmean(
        np.where(np.isnan(expected), np.nan, expected <= 1)
    )
    assert "zero_shot_top_5" not in found  # of two classes the right one is always in five
    assert found["zero_shot/classes"] == (
        b'{"classes": 2, "images": 4, "largest": 4, "unknown": {"toy": 1}}'
    )
