"""Report near duplicates for `diptych check`: the closest pairs, and the shares of attributes."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from schema import features
from schema.text.untrusted_text import for_people

if TYPE_CHECKING:
    from components.example_gen.near_duplicates.pairs import Pair
    from components.example_gen.records.quarantine import Summary

SHOWN, SHOWN_VALUES = 10, 3


def lines(
    folder: str, summary: "Summary", statistics: Callable[[str], Any] | None
) -> Iterator[str]:
    """Yield how many there are, the closest pairs, and how attribute shares change without them.

    Args:
        folder: of the quarantine.
        summary: its sums.
        statistics: returns TFDV's statistics of a split; None leaves out the attributes.
    """
    from components.example_gen.near_duplicates import pairs as near_duplicate_pairs
    from components.example_gen.records import quarantine
    from components.example_gen.rows import NEAR_DUPLICATE

    count = sum(summary.near_duplicates.values())
    removed = summary.quarantined.get(NEAR_DUPLICATE, 0)
    yield f"images outside train that look like one of train's: {count:,}, removed {removed:,}"
    if not count:
        return
    for split in summary.near_duplicates:
        yield f"  {quarantine.near_duplicates(summary, split)}"
    pairs = near_duplicate_pairs.read(folder)
    yield from _table(pairs[:SHOWN])
    more = f"and {len(pairs) - SHOWN:,} more: " if len(pairs) > SHOWN else ""
    yield f"  {more}all pairs are in {folder}/{near_duplicate_pairs.FILE}"
    if statistics is not None:
        for split in summary.near_duplicates:
            of_split = [pair for pair in pairs if pair.split == split]
            total = summary.examples.get(split, 0)
            yield from _balance(split, of_split, _counts(statistics(split)), total, removed > 0)


def _table(pairs: list["Pair"]) -> Iterator[str]:
    cells = [("similarity", "split", "key", "key of train")]
    cells += [(f"{p.similarity:.3f}", p.split, p.key, p.train_key) for p in pairs]
    shown = [[for_people(cell) for cell in row] for row in cells]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "    " + "  ".join(padded).rstrip()


def _counts(statistics: Any) -> dict[str, dict[str, int]]:
    """Count the records with each value, by attribute."""
    return {
        features.attribute_name(feature.path.step[0]): {
            bucket.label: round(bucket.sample_count)
            for bucket in feature.string_stats.rank_histogram.buckets
        }
        for feature in statistics.features
        if features.is_attribute(feature.path.step[0])
    }


def _balance(
    split: str,
    pairs: list["Pair"],
    counts: Mapping[str, Mapping[str, int]],
    total: int,
    removed: bool,
) -> Iterator[str]:
    from components.example_gen.near_duplicates.pairs import balance

    for attribute, by_value in counts.items():
        changes = balance(pairs, attribute, by_value, total, removed)
        for value, before, after in changes[:SHOWN_VALUES]:
            share = f"{before:.1%} to {after:.1%}".replace("%", " %")
            yield f"  without them the share of {attribute} {value} in {split} goes from {share}"
        if len(changes) > SHOWN_VALUES:
            yield f"  and those of {len(changes) - SHOWN_VALUES:,} more values of {attribute}"
