"""Check the rules of the curated schema with TFDV."""

from typing import Any

import tfx.components  # noqa: F401  TFDV needs its patches

import tensorflow_data_validation as tfdv  # isort: skip
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

ENVIRONMENT = "STATISTICS"  # of schema.pbtxt: everything statistics are taken over


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
