"""Check whether the records of a split can be ranked at all, by any model."""

from collections.abc import Iterator

from components.example_gen.records.quarantine import Summary


def faults(summary: Summary) -> list[str]:
    """List why splits cannot be trained on or evaluated, a sentence for each reason."""
    return [sentence for split in sorted(summary.examples) for sentence in _faults(summary, split)]


def _faults(summary: Summary, split: str) -> Iterator[str]:
    records = summary.examples[split]
    if records == 1:
        yield (
            f"split {split} has 1 record, which is always its own best match: give it more in "
            "data.splits"
        )
        return
    if summary.distinct_images.get(split) == 1:
        yield (
            f"split {split}: all {records:,} records have the same image, so that no caption can "
            "find its own: see whether data.columns.image names the right column"
        )
    if summary.distinct_captions.get(split) == 1:
        yield (
            f"split {split}: all {records:,} records have the same caption, so that no image can "
            "find its own: see whether data.columns.captions names the right column"
        )
