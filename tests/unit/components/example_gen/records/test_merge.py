"""Rows of one key: which become the record, which are refused and why."""

import dataclasses
import itertools
from collections import Counter

from components.example_gen.records.examined import Refused, Stored
from components.example_gen.records.merge import Grouping, merge
from components.example_gen.records.splits import precedence
from components.example_gen.rows import Place
from tests.support.ingest import found

GLOBS = Grouping(precedence(["eval", "train", "test"]), {}, max_captions=3)


def reasons(refused) -> list[tuple[int, str]]:
    return [(each.place.offset, each.reason) for each in refused]


def test_captions_of_all_rows_in_the_order_of_the_file_whatever_order_they_come_in():
    rows = [
        found(offset=1, captions=("a cat", "tom"), attributes={"vendor": "x"}),
        found(offset=2, captions=("tom",), attributes={"vendor": "y", "kind": "pet"}),
        found(offset=3, captions=("a pet",), dropped=("empty_caption",)),
    ]
    for order in itertools.permutations(rows):
        [record], refused = merge("k", order, GLOBS)
        assert record.captions == ("a cat", "tom", "a pet")
        assert record.labels is None
        assert record.attributes == {"vendor": "x", "kind": "pet"}  # the first row that has one
        assert (record.rows, record.place.offset, refused) == (3, 1, [])
        assert record.dropped == ("duplicate_caption", "empty_caption")


def test_a_caption_without_a_label_matches_beside_one_with():
    [record], _ = merge(
        "k",
        [found(offset=1, captions=("a", "b"), labels=(1, 0)), found(offset=2, captions=("c",))],
        GLOBS,
    )
    assert record.labels == (1, 0, 1)


def test_a_label_is_kept_whichever_row_has_it():
    for labels in (((1,), None), (None, (1,)), ((0,), (0,))):
        rows = [found(offset=n, captions=("a",), labels=each) for n, each in enumerate(labels)]
        [record], refused = merge("k", rows, GLOBS)
        assert (record.labels, refused) == (labels[0] or labels[1], [])


def test_a_caption_labelled_both_ways_refuses_the_later_row():
    for later in ((1,), None):  # no label means that it matches
        [record], refused = merge(
            "k",
            [
                found(offset=1, captions=("a", "b"), labels=(1, 0)),
                found(offset=2, captions=("b",), labels=later),
            ],
            GLOBS,
        )
        assert (record.captions, record.labels) == (("a", "b"), (1, 0))
        detail = "'b' is labelled 0 and 1"
        assert refused == [Refused("train", Place("f", 2), "bad_labels", detail, "k")]


def test_a_long_caption_is_quoted_by_its_beginning():
    rows = [found(offset=n, captions=("ab" * 99,), labels=(n,)) for n in (0, 1)]
    _, [refused] = merge("k", rows, GLOBS)
    assert refused.detail == f"'{'ab' * 30}' is labelled 0 and 1"


def test_another_image_of_the_same_key_is_refused_and_leaves_nothing_of_it():
    rows = [
        found(offset=1, stored=Stored("spool", 5, 1), attributes={"vendor": "x"}),
        found(offset=2, content="b", captions=("a dog",), attributes={"kind": "dog"}),
    ]
    [record], refused = merge("k", rows, GLOBS)
    assert (record.image, record.stored) == (rows[0].image, Stored("spool", 5, 1))
    assert (record.captions, record.attributes) == (("a cat",), {"vendor": "x"})
    detail = "the first image of this key is at f: 1, in the column 'id' too"
    assert refused == [Refused("train", Place("f", 2), "key_of_another_image", detail, "k")]


def test_rows_around_one_of_another_image_are_kept():
    [record], refused = merge(
        "k",
        [found(offset=1), found(offset=2, content="b", captions=("a dog",)), found(offset=3)],
        GLOBS,
    )
    assert record.captions == ("a cat",)
    assert record.rows == 2
    assert reasons(refused) == [(2, "key_of_another_image")]


def test_train_keeps_a_key_that_stands_in_several_splits_then_the_order_of_the_config():
    rows = [found(offset=n, split=split) for n, split in enumerate(("test", "eval", "train"))]
    [record], refused = merge("k", rows, GLOBS)
    assert record.split == "train"
    detail = "it is in train already (f: 2)"
    assert refused == [
        Refused(split, Place("f", offset), "key_in_two_splits", detail, "k")
        for split, offset in (("eval", 1), ("test", 0))
    ]
    [record], refused = merge("k", rows[:2], GLOBS)
    assert record.split == "eval"
    assert reasons(refused) == [(0, "key_in_two_splits")]


def test_of_more_captions_than_the_model_takes_the_first_ones_are_kept():
    rows = [found(offset=n, captions=(f"caption {n}",)) for n in range(5)]
    [record], refused = merge("k", rows, GLOBS)
    assert record.captions == ("caption 0", "caption 1", "caption 2")
    assert (record.labels, record.rows, refused) == (None, 5, [])
    assert record.dropped == ("above_max_captions",) * 2


def test_labels_stay_with_their_captions_and_matches_go_first():
    rows = [
        found(offset=0, captions=("no 1", "yes 1", "no 2"), labels=(0, 1, 0)),
        found(offset=1, captions=("yes 2", "no 3"), labels=(1, 0)),
    ]
    for keep in ("first", "random"):
        [record], _ = merge("k", rows, dataclasses.replace(GLOBS, keep=keep))
        assert record.labels is not None
        kept = dict(zip(record.captions, record.labels, strict=True))
        assert kept.items() >= {"yes 1": 1, "yes 2": 1}.items()
        assert sorted(kept.values()) == [0, 1, 1]
        assert list(kept) == sorted(kept, key=["no 1", "yes 1", "no 2", "yes 2", "no 3"].index)


def test_a_random_choice_is_that_of_the_key_alone_and_has_no_favourites():
    grouping = dataclasses.replace(GLOBS, keep="random")
    captions = [f"caption {n}" for n in range(6)]
    times = Counter[str]()
    for key in map(str, range(600)):
        [record], _ = merge(key, [found(captions=tuple(captions))], grouping)
        [again], _ = merge(key, [found(captions=tuple(reversed(captions)))], grouping)
        assert set(record.captions) == set(again.captions)
        times.update(record.captions)
    # 600 draws of three of six: 300 each, with a standard deviation of 12.2.
    assert all(250 < times[caption] < 350 for caption in captions)


def test_where_all_are_kept_more_captions_than_the_model_takes_refuse_every_row():
    rows = [found(offset=n, captions=(f"caption {n}",)) for n in range(4)]
    every = dataclasses.replace(GLOBS, keep="all")
    records, refused = merge("k", rows, every)
    assert records == []
    assert reasons(refused) == [(n, "too_many_captions") for n in range(4)]
    assert refused[0].detail == "4 captions, and text.max_captions is 3"
    # One that is refused already keeps its own reason.
    stranger = found(offset=9, content="b")
    _, refused = merge("k", [*rows, stranger], every)
    assert reasons(refused) == [
        (9, "key_of_another_image"),
        *((n, "too_many_captions") for n in range(4)),
    ]


def test_shares_decide_by_the_key_where_no_glob_does():
    grouping = Grouping({"all": 0}, {"train": 0.5, "eval": 0.5}, max_captions=3)
    splits = set()
    for n in range(20):
        [record], _ = merge(f"{n}", [found(f"{n}", split="all")], grouping)
        splits.add(record.split)
    assert splits == {"train", "eval"}
