"""Distances between two sets of data by value, and what is said of them."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tfx.components  # noqa: F401  TFDV needs its patches

import tensorflow_data_validation as tfdv  # isort: skip
from tensorflow_data_validation.statistics.stats_impl import generate_statistics_in_memory

from components.example_validator.config import DriftConfig
from components.example_validator.drift import counts
from components.example_validator.drift.measure import Comparison, Drift, compare
from pipeline.nodes import QUANTILES
from schema import features
from trainer.preprocessing.captions import words_of

WORDS, HEIGHT = features.CAPTION_WORDS, features.IMAGE_HEIGHT
CATEGORY = features.attribute("category")
Column = Sequence[Sequence[Any] | None]


def statistics(**columns: Column) -> Any:
    """Statistics of columns, one list of values a record; `category` and so on name features."""
    names = {
        "lengths": WORDS,
        "widths": features.IMAGE_WIDTH,
        "heights": HEIGHT,
        "words": features.WORDS,
        "category": CATEGORY,
    }
    batch = {names[key]: pa.array(values) for key, values in columns.items()}
    options = tfdv.StatsOptions(num_quantiles_histogram_buckets=QUANTILES)
    return generate_statistics_in_memory(pa.RecordBatch.from_pydict(batch), options)


def each(values: Any) -> list[list[Any]]:
    return [[value] for value in values]


def drift(now: Any, served: Any, **limits: Any) -> Drift:
    config = DriftConfig(**({"minimum_count": 1} | limits))
    return compare(now, served, config, ["category"])


def one(now: Any, served: Any, **limits: Any) -> Comparison:
    [found] = drift(now, served, **limits).compared
    return found


def divergence(p: dict[Any, float], q: dict[Any, float]) -> float:
    """Jensen-Shannon by its definition, in bits: the mean of both KL divergences from the mean."""
    total = 0.0
    for value in p.keys() | q.keys():
        for share in (p.get(value, 0.0), q.get(value, 0.0)):
            middle = (p.get(value, 0.0) + q.get(value, 0.0)) / 2
            total += share * math.log2(share / middle) / 2 if share else 0.0
    return total


def test_a_share_is_compared_with_what_it_was():
    now = statistics(category=each([b"Flags"] * 3 + [b"Food"] * 7))
    served = statistics(category=each([b"Flags"] * 1 + [b"Food"] * 19))
    found = one(now, served)
    assert found.value == pytest.approx(0.30 - 0.05)  # the largest change of a share
    assert found.sentence == (
        "attributes/category: the largest change of a share is 0.25, above 0.1 "
        "(Flags from 0.05 to 0.3, Food from 0.95 to 0.7)"
    )
    assert found.drifted
    assert not one(now, served, attribute=0.26).drifted
    assert not one(now, served, attributes={"category": 0.26}).drifted
    assert drift(now, served, attribute=None).compared == ()
    assert one(now, served, attribute=None, attributes={"category": 0.2}).limit == 0.2


def test_a_value_that_went_missing_is_a_change():
    served = statistics(category=each([b"Flags"] * 10))
    now = statistics(category=[[b"Flags"]] * 6 + [None] * 4)
    found = one(now, served)
    assert found.value == pytest.approx(0.4)
    assert "(none) from 0 to 0.4" in found.moved
    gone = statistics(lengths=each([1] * 10))  # not one record has it
    [only] = [c for c in drift(gone, served).compared if c.feature == CATEGORY]
    assert only.value == pytest.approx(1.0)


def test_lengths_diverge_as_by_the_definition():
    now = statistics(lengths=each([1] * 200 + [3] * 600 + [5] * 200))
    served = statistics(lengths=each([1] * 500 + [3] * 500))
    # Their mean is 0.35, 0.55, 0.1, and both divergences from it are
    # 0.2 log2(0.2/0.35) + 0.6 log2(0.6/0.55) + 0.2 log2(0.2/0.1) = 0.1138,
    # 0.5 log2(0.5/0.35) + 0.5 log2(0.5/0.55) = 0.1885
    expected = divergence({1: 0.2, 3: 0.6, 5: 0.2}, {1: 0.5, 3: 0.5})
    assert expected == pytest.approx((0.1138 + 0.1885) / 2, abs=1e-4)
    found = one(now, served)
    # Between two quantiles values count as spread evenly, hence off by up to one of a hundred.
    assert found.value == pytest.approx(expected, abs=0.02)
    assert found.sentence.startswith("text/caption_words: the Jensen-Shannon divergence is 0.1")
    assert found.moved.endswith("to 3")


@pytest.mark.parametrize("columns", ["lengths", "widths", "heights"])
def test_nothing_in_common_is_one_and_the_same_is_zero(columns):
    small = statistics(**{columns: each([2] * 50 + [3] * 50)})
    large = statistics(**{columns: each([200] * 50 + [300] * 50)})
    assert one(large, small).value == pytest.approx(1.0)
    assert one(small, small).value == pytest.approx(0.0)


def test_more_of_the_same_is_no_drift():
    rng = np.random.default_rng(3)
    lengths, kinds = (
        rng.poisson(8, 2000) + 1,
        rng.choice([b"a", b"b", b"c"], 2000, p=[0.6, 0.3, 0.1]),
    )
    words = [[b"w%d" % (n % 40), b"w%d" % (n % 7 + 50)] for n in range(2000)]
    columns = {"lengths": each(lengths), "category": each(kinds), "words": words}
    twice = {key: values * 2 for key, values in columns.items()}
    for found in drift(statistics(**twice), statistics(**columns)).compared:
        assert found.value == pytest.approx(0.0, abs=2e-3), found.feature


def test_one_outlier_neither_hides_drift_nor_is_any():
    rng = np.random.default_rng(1)
    short, long = list(rng.poisson(3, 5000) + 1), list(rng.poisson(12, 5000) + 1)
    hidden = one(statistics(lengths=each([*long, 2000])), statistics(lengths=each([*short, 2000])))
    plain = one(statistics(lengths=each(long)), statistics(lengths=each(short)))
    assert plain.value > 0.7
    assert hidden.value == pytest.approx(plain.value, abs=0.01)
    same = one(statistics(lengths=each([*short, 2000])), statistics(lengths=each(short)))
    assert same.value < 0.005


def test_words_diverge_as_by_the_definition():
    now = statistics(words=[[b"a", b"dog"]] * 60 + [[b"a", b"cat"]] * 40)
    served = statistics(words=[[b"a", b"dog"]] * 20 + [[b"a", b"cat"]] * 80)
    expected = divergence({"a": 0.5, "dog": 0.3, "cat": 0.2}, {"a": 0.5, "dog": 0.1, "cat": 0.4})
    found = one(now, served)
    assert found.value == pytest.approx(expected)
    assert found.moved == "cat from 0.4 to 0.2, dog from 0.1 to 0.3"


def test_rare_words_count_together():
    """300 words once each beside one that is in every caption; then 300 others."""
    now = statistics(words=[[b"a", b"n%03d" % n] for n in range(300)])
    served = statistics(words=[[b"a", b"s%03d" % n] for n in range(300)])
    # Kept are 'a' and the first 99 of each side; the other 201 of 600 are '(all others)'.
    mine = {"a": 0.5, "(all others)": 201 / 600} | {f"n{n}": 1 / 600 for n in range(99)}
    theirs = {"a": 0.5, "(all others)": 201 / 600} | {f"s{n}": 1 / 600 for n in range(99)}
    assert one(now, served).value == pytest.approx(divergence(mine, theirs))
    assert one(now, served).value == pytest.approx(99 / 600)


def test_two_samples_of_real_captions_do_not_drift():
    """What the default limits rest on."""

    from tests.support.small_run import SHARDS, read_shard

    pass

    records = [r for path in sorted(SHARDS.glob("train-*")) for r in read_shard(str(path))]
    order = np.random.default_rng(0).permutation(len(records))

    def taken(indices: Any, prefix: str = "") -> Any:
        said = [[words_of(prefix + c) for c in records[n].captions] for n in indices]
        return statistics(
            lengths=[[len(caption) for caption in captions] for captions in said],
            words=[sorted({w.encode() for c in captions for w in c}) for captions in said],
            category=[[records[n].attributes["category"].encode()] for n in indices],
        )

    first, second = order[:1000], order[1000:2000]
    same = drift(taken(first), taken(second))
    assert len(same.compared) == 3
    assert not [c.sentence for c in same.compared if c.drifted]
    other = drift(taken(first, "a photo of the "), taken(second))
    assert {c.feature for c in other.compared if c.drifted} == {WORDS, features.WORDS}


def test_few_records_are_not_compared_and_that_is_said():
    few, many = statistics(category=each([b"a"] * 99)), statistics(category=each([b"b"] * 100))
    for now, served in ((few, many), (many, few)):
        found = drift(now, served, minimum_count=100)
        assert found.compared == ()
        assert found.notes == (
            "nothing was compared: 99 records are fewer than data.drift.minimum_count = 100",
        )
    assert one(many, many, minimum_count=100).value == 0


def test_what_cannot_be_compared_is_said():
    now, served = statistics(lengths=each([1] * 5)), statistics(heights=each([1] * 5))
    assert drift(now, served) == Drift(
        notes=(  # in the order of the features that are compared
            f"{WORDS} was not compared: that release has no statistics of it",
            f"{features.IMAGE_WIDTH} was not compared: that release has no statistics of it",
            f"{HEIGHT} was not compared: this data has none",
            f"{CATEGORY} was not compared: that release has no statistics of it",
            f"{features.WORDS} was not compared: that release has no statistics of it",
        )
    )


def test_buckets_are_single_numbers_first_and_reach_every_size():
    assert counts.EDGES[:9] == [-0.5, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5]
    assert counts.EDGES[-1] >= 2**31
    assert all(high > low for low, high in zip(counts.EDGES, counts.EDGES[1:], strict=False))
    feature = counts.features_of(statistics(lengths=each([0, 1, 1, 70, 65535])))[WORDS]
    assert counts.buckets(feature).sum() == pytest.approx(5)
