"""Check the rules of the curated schema with TFDV, and that a split can be ranked at all."""

from collections.abc import Iterator
from typing import Any

import tfx.components  # noqa: F401  TFDV needs its patches

import tensorflow_data_validation as tfdv  # isort: skip
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from components.example_gen.records.quarantine import Summary
from components.example_validator.config import ENVIRONMENT


def validate(statistics: Any, schema: schema_pb2.Schema) -> anomalies_pb2.Anomalies:
    """Compare the statistics of one split with the schema."""
    return tfdv.validate_statistics(statistics, schema, environment=ENVIRONMENT)


def sentences(anomalies: anomalies_pb2.Anomalies) -> list[str]:
    """'feature: what is wrong', one for each broken rule, in the order of the names."""
    broken = [
        f"{feature}: {reason.description}"
        for feature, info in sorted(anomalies.anomaly_info.items())
        for reason in info.reason
    ]
    return broken + [reason.description for reason in anomalies.dataset_anomaly_info.reason]


def rank_faults(summary: Summary) -> list[str]:
    """List why splits cannot be trained on or evaluated, a sentence for each reason."""
    return [
        sentence for split in sorted(summary.examples) for sentence in _rank_faults(summary, split)
    ]


def _rank_faults(summary: Summary, split: str) -> Iterator[str]:
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
