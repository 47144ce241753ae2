"""The list of near duplicates, and what becomes of classes without them."""

from components.example_gen.near_duplicates import pairs as near_duplicate_pairs
from components.example_gen.near_duplicates.pairs import Pair, balance


def test_pairs_are_read_back_the_most_similar_first(tmp_path):
    pairs = [
        Pair("test", "ü", "b", "alike", 0.9, {"kind": "x"}),
        Pair("eval", "b", "t", "alike", 0.9),
        Pair("eval", "a", "t", "bytes", 1.0, {"kind": "y"}),
    ]
    (tmp_path / near_duplicate_pairs.FILE).write_text(near_duplicate_pairs.written(pairs))
    assert near_duplicate_pairs.read(str(tmp_path)) == [pairs[2], pairs[1], pairs[0]]
    assert near_duplicate_pairs.read(str(tmp_path / "nothing")) == []


def test_the_shares_of_values_before_and_after():
    pairs = [Pair("eval", str(n), "t", "bytes", 1.0, {"kind": "star"}) for n in range(9)]
    pairs.append(Pair("eval", "x", "t", "bytes", 1.0, {"kind": "leaf"}))
    pairs.append(Pair("eval", "y", "t", "bytes", 1.0))
    written = {"star": 1, "leaf": 88}
    # With the 11 there were 100: 10 stars and 89 leaves, 1 % more of the rest; then 1 and 88 of 89.
    stars, leaves = ("star", 10 / 100, 1 / 89), ("leaf", 89 / 100, 88 / 89)
    assert balance(pairs, "kind", written, 89, True) == [leaves, stars]
    # The same when they are reported and still there.
    assert balance(pairs, "kind", {"star": 10, "leaf": 89}, 100, False) == [leaves, stars]


def test_what_changes_by_less_than_a_hundredth_is_not_worth_saying():
    pairs = [Pair("eval", str(n), "t", "bytes", 1.0, {"kind": "star"}) for n in range(10)]
    # 20 of 1,010 to 10 of 1,000: 0.98 %.
    assert balance(pairs, "kind", {"star": 10, "leaf": 990}, 1_000, True) == []
    # 20 of 1,000 to 10 of 990: 0.99 %; 20 of 500 to 10 of 490: 1.96 %, and as much of the rest.
    assert balance(pairs, "kind", {"star": 10, "leaf": 980}, 990, True) == []
    assert len(balance(pairs, "kind", {"star": 10, "leaf": 480}, 490, True)) == 2
