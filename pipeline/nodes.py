"""Builders of nodes: those that look at the data and prepare it, and the Tuner."""

import dataclasses
import json

from tfx.dsl.components.base.base_node import BaseNode
from tfx.proto import trainer_pb2

from components.example_gen.component import ImageTextExampleGen
from components.example_validator.component import ExampleValidator
from components.example_validator.config import ENVIRONMENT
from components.import_schema.component import CURATED, ImportSchema, with_attributes
from components.served_statistics.component import ServedStatistics
from components.tfx_nodes import StatisticsGen, Tuner
from components.transform.component import Transform
from pipeline.config.run_config import RunConfig
from schema.config.section import canonical_json
from trainer.export.digests import content_digests, plugin_digests

QUANTILES = 100  # of each number, for drift: TFDV's own 10 are coarse steps
VALUES = 10_000  # kept of each text: those of an attribute are the classes that a release knows


@dataclasses.dataclass(frozen=True)
class DataNodes:
    """The nodes of the data that later nodes use; `all` has every one in its order."""

    example_gen: ImageTextExampleGen
    statistics: StatisticsGen
    schema: BaseNode
    validator: ExampleValidator
    all: tuple[BaseNode, ...]


def data_nodes(config: RunConfig) -> DataNodes:
    """Build ingest, statistics, and their comparison with the schema and the served release."""
    example_gen = ImageTextExampleGen(
        config.data.for_ingest(config.image),
        config.text.max_captions,
        may_be_empty=True,
        plugins=plugin_digests(config.plugins),
    )
    curated = CURATED.read_text()
    schema = ImportSchema(curated=curated, attributes=",".join(config.data.attributes))
    complete = with_attributes(curated, list(config.data.attributes))
    statistics = StatisticsGen(
        examples=example_gen.outputs["examples"],
        options={
            "feature_allowlist": [
                feature.name
                for feature in complete.feature
                if ENVIRONMENT not in feature.not_in_environment
            ],
            "num_quantiles_histogram_buckets": QUANTILES,
            "num_rank_histogram_buckets": VALUES,
        },
    )
    place = config.model_dump(mode="json", include={"name", "push", "registry"})
    drift = {"data": {"drift": config.data.drift.model_dump(mode="json")}}
    served = ServedStatistics(
        config=json.dumps(place | drift), current=statistics.outputs["statistics"]
    )
    validator = ExampleValidator(
        statistics=statistics.outputs["statistics"],
        schema=schema.outputs["schema"],
        drift=canonical_json(config.data.drift),
        served=served.outputs["statistics"],
        quarantine=example_gen.outputs["quarantine"],
        max_quarantined=config.data.max_quarantined,
        max_removed=config.data.near_duplicates.max_removed,
    )
    nodes = (example_gen, statistics, schema, served, validator)
    return DataNodes(example_gen, statistics, schema, validator, nodes)


def transform_node(config: RunConfig, data: DataNodes) -> Transform:
    """Build Transform, which makes token ids and pixels by a graph that serves as well."""
    part = config.for_transform()
    transform = Transform(
        examples=data.example_gen.outputs["examples"],
        schema=data.schema.outputs["schema"],
        config=canonical_json(part),
        content=content_digests(part),
    )
    transform.add_upstream_node(data.validator)  # nothing is learned from data that breaks rules
    return transform


def retained_for_mixing(config: RunConfig) -> dict[str, list]:
    """Return the retained data sets that the Trainer measures mixes of weights on, with its gates.

    Without `fine_tune` there are none, so that the Trainer stays cached when they change.
    """
    if config.fine_tune is None:
        return {"splits": [], "limits": []}
    limits = [
        {
            "data": gate.data,
            "metric": gate.metric,
            "worse_by": gate.not_worse_than_baseline_by,
            "at_least": gate.at_least,
        }
        for gate in config.evaluation.gates
        if gate.data is not None and gate.slice is None and gate.at_most is None
    ]
    return {"splits": list(config.data.retain), "limits": limits}


def tuner_node(config: RunConfig, transform: Transform, checkpoints: str | None) -> Tuner:
    """Build the Tuner, which sees the train split only: values must not fit what the gates see.

    Args:
        config: with a section `tune`.
        transform: brings the records.
        checkpoints: as of `create_pipeline`.
    """
    assert config.tune is not None
    trained = config.for_trainer()
    content = [content_digests(variant) for variant in (trained, *config.tune.variants(trained))]
    return Tuner(
        tuner_fn="trainer.tuning.run.tuner_fn",
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        train_args=trainer_pb2.TrainArgs(splits=["train"]),
        eval_args=trainer_pb2.EvalArgs(splits=["train"]),  # TFX asks for one, and nobody reads it
        custom_config={
            "config": canonical_json(trained),
            "content": content,
            "tune": canonical_json(config.tune),
            "trials": checkpoints and f"{checkpoints.rstrip('/')}/tuner",
        },
    )
