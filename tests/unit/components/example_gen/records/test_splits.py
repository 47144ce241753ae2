"""Splits by the key: the shares asked for, and no image moves when records are added."""

import hashlib

from components.example_gen.records import splits
from components.example_gen.records.splits import position, precedence, split_of


def test_position_is_the_digest_as_a_fraction():
    digest = hashlib.sha256(b"noto/cat").hexdigest()
    assert position("noto/cat") == int(digest[:16], 16) / 16**16
    assert 0 <= position("") < 1


def test_shares_are_met():
    shares = {"train": 0.8, "eval": 0.15, "test": 0.05}
    counts = dict.fromkeys(shares, 0)
    for n in range(20_000):
        counts[split_of(str(n), shares)] += 1
    # Three standard deviations of a binomial: 3 * sqrt(20,000 * 0.8 * 0.2) = 170.
    assert abs(counts["train"] - 16_000) < 170
    assert abs(counts["eval"] - 3_000) < 152
    assert abs(counts["test"] - 1_000) < 93


def test_a_larger_eval_split_takes_from_train_and_gives_it_nothing():
    for n in range(2_000):
        before = split_of(str(n), {"train": 0.9, "eval": 0.1})
        after = split_of(str(n), {"train": 0.8, "eval": 0.2})
        assert (before, after) != ("eval", "train")


def test_a_share_ends_where_the_next_begins(monkeypatch):
    monkeypatch.setattr(splits, "position", lambda key: 0.5)
    assert split_of("k", {"train": 0.5, "eval": 0.5}) == "eval"


def test_shares_that_round_below_one_still_place_every_key(monkeypatch):
    monkeypatch.setattr(splits, "position", lambda key: 0.9999999999)
    assert split_of("k", {"train": 0.7, "eval": 0.2999999}) == "eval"


def test_train_comes_first():
    assert precedence(["eval", "test", "train"]) == {"train": 0, "eval": 1, "test": 2}
