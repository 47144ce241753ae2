"""Create the pipeline: the same graph for a laptop, a Beam cluster and Kubeflow."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import trainer_pb2
from tfx.types.standard_artifacts import ExampleStatistics, Model

from components.baseline.component import Baseline
from components.catalogue_index.component import CatalogueIndexer
from components.evaluator.component import Evaluator
from components.example_gen.component import ImageTextExampleGen
from components.example_gen.config import IngestConfig
from components.import_schema.component import CURATED, ImportSchema
from components.nodes import NODES
from components.pusher.component import Pusher
from components.run_report.component import RunReport
from components.run_report.page.template_files import templates_digest
from components.serving_check.component import ServingCheck
from components.tfx_nodes import Trainer
from components.tower_converter.component import TowerConverter
from pipeline.beam.arguments import beam_arguments, check_paths
from pipeline.code_digest import node_digest
from pipeline.config.run_config import RunConfig
from pipeline.nodes import data_nodes, retained_for_mixing, transform_node, tuner_node
from schema.config.section import canonical_json
from schema.errors import InputError
from trainer.config.fine_tuning import starting_release
from trainer.export.digests import content_digests, plugin_digests


def create_pipeline(
    config: RunConfig,
    pipeline_root: str,
    enable_cache: bool = True,
    lost: Sequence[int] = (),
    checkpoints: str | None = None,
) -> Pipeline:
    """Build the graph of a run.

    Args:
        config: the run.
        pipeline_root: where artifacts are written.
        enable_cache: reuse the outputs of nodes whose inputs, parameters and code are unchanged.
        lost: releases whose files are gone, so that no cached Pusher claims they are there.
        checkpoints: where Tuner and Trainer keep what a next attempt goes on from, the same folder
            for each attempt; None: they start anew.

    Returns:
        A TFX pipeline without a metadata connection; a runner adds its own.
    """
    return _pipeline(config, _nodes(config, lost, checkpoints), pipeline_root, enable_cache)


def data_pipeline(config: RunConfig, pipeline_root: str, transform: bool = False) -> Pipeline:
    """Build the part of the graph that examines the data, as in a run.

    Args:
        config: the run.
        pipeline_root: where artifacts are written; with that of a run, the run repeats nothing.
        transform: prepare the data for training, too.
    """
    data = data_nodes(config)
    nodes = [*data.all, *([transform_node(config, data)] if transform else [])]
    return _pipeline(config, nodes, pipeline_root, True)


def evaluation_pipeline(
    config: RunConfig, model: Path, statistics: Path, data: IngestConfig, pipeline_root: str
) -> Pipeline:
    """Build a graph that measures a model on other data: it ingests and evaluates them.

    Args:
        config: of the run that made the model.
        model: a Trainer's artifact.
        statistics: of the data it was trained on.
        data: the other data, with the one split that is evaluated.
        pipeline_root: where artifacts are written.
    """
    attributes = config.data.attributes
    plugins = plugin_digests(config.plugins)
    examples = ImageTextExampleGen(data, config.text.max_captions, plugins=plugins)
    schema = ImportSchema(curated=CURATED.read_text(), attributes=",".join(attributes))
    release = Importer(source_uri=str(model), artifact_type=Model).with_id("Release")
    trained_on = Importer(source_uri=str(statistics), artifact_type=ExampleStatistics).with_id(
        "TrainedOn"
    )
    evaluator = Evaluator(
        examples=examples.outputs["examples"],
        model=release.outputs["result"],
        schema=schema.outputs["schema"],
        statistics=trained_on.outputs["result"],
        config=canonical_json(config.evaluation),
        plugins=json.dumps(plugins),
    )
    nodes = [examples, schema, release, trained_on, evaluator]
    return _pipeline(config, nodes, pipeline_root, False)


def _pipeline(
    config: RunConfig, nodes: Sequence[BaseNode], pipeline_root: str, enable_cache: bool
) -> Pipeline:
    for node in nodes:
        if isinstance(node, BaseComponent):
            assert isinstance(node.executor_spec, ExecutorClassSpec)
            node.executor_spec.add_extra_flags([f"--code_version={node_digest(node.id)}"])
    check_paths(config.beam, {"artifacts": pipeline_root, "data": config.data.path})
    return Pipeline(
        pipeline_name=config.name,
        pipeline_root=pipeline_root,
        components=list(nodes),
        enable_cache=enable_cache,
        beam_pipeline_args=beam_arguments(config.beam, config.plugins),
    )


def _nodes(config: RunConfig, lost: Sequence[int], checkpoints: str | None) -> list[BaseNode]:
    data = data_nodes(config)
    example_gen, statistics, schema = data.example_gen, data.statistics, data.schema
    transform = transform_node(config, data)
    plugins = json.dumps(plugin_digests(config.plugins))
    mixed = retained_for_mixing(config)
    tuner = config.tune and tuner_node(config, transform, checkpoints)
    trainer = Trainer(
        run_fn="trainer.run.run_fn",
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema.outputs["schema"],
        train_args=trainer_pb2.TrainArgs(splits=["train"]),
        eval_args=trainer_pb2.EvalArgs(splits=[config.evaluation.split, *mixed["splits"]]),
        custom_config={
            "retained": mixed,
            "config": canonical_json(config.for_trainer()),
            "content": content_digests(config),  # for the cache, which compares custom_config
            "checkpoints": checkpoints,
        },
        hyperparameters=tuner.outputs["best_hyperparameters"] if tuner else None,
    )
    place = config.model_dump(mode="json", include={"name", "push", "registry"})
    if config.data.retain:
        place["start"] = starting_release(config.model.image_tower, config.model.text_tower)
    whole = canonical_json(config.model_copy(update={"kubeflow": None}))
    baseline = Baseline(
        config=json.dumps(place),
        candidate=trainer.outputs["model"],
    )
    evaluator = Evaluator(
        examples=example_gen.outputs["examples"],
        model=trainer.outputs["model"],
        schema=schema.outputs["schema"],
        statistics=statistics.outputs["statistics"],
        config=canonical_json(config.evaluation),
        baseline=baseline.outputs["model"],
        plugins=plugins,
        retained=tuple(config.data.retain),
    )
    converter = config.portable and TowerConverter(
        model=trainer.outputs["model"],
        examples=transform.outputs["transformed_examples"],
        split=config.evaluation.split,
        config=canonical_json(config.portable),
        prepared=canonical_json(config.for_transform()),
        plugins=plugins,
    )
    portable = {"portable": converter.outputs["portable"]} if converter else {}
    check = ServingCheck(
        model=trainer.outputs["model"],
        examples=example_gen.outputs["examples"],
        split=config.evaluation.split,
        config=canonical_json(config.serving_check),
        normalize=int(config.model.normalize),
        **portable,
    )
    index = config.index and CatalogueIndexer(
        model=trainer.outputs["model"],
        examples=example_gen.outputs["examples"],
        config=config.index,
        plugins=plugins,
    )
    report = config.report and RunReport(
        examples=example_gen.outputs["examples"],
        model=trainer.outputs["model"],
        model_run=trainer.outputs["model_run"],
        evaluation=evaluator.outputs["evaluation"],
        serving_check=check.outputs["blessing"],
        statistics=statistics.outputs["statistics"],
        anomalies=data.validator.outputs["anomalies"],
        quarantine=example_gen.outputs["quarantine"],
        config=whole,
        templates=templates_digest(),
        plugins=plugins,
        **({"index": index.outputs["index"]} if index else {}),
    )
    pusher = Pusher(
        model=trainer.outputs["model"],
        model_run=trainer.outputs["model_run"],
        transform_graph=transform.outputs["transform_graph"],
        statistics=statistics.outputs["statistics"],
        examples=example_gen.outputs["examples"],
        evaluation=evaluator.outputs["evaluation"],
        serving_check=check.outputs["blessing"],
        config=whole,
        lost=",".join(map(str, lost)),
        **({"index": index.outputs["index"]} if index else {}),
        **portable,
        **({"page": report.outputs["page"], "card": report.outputs["card"]} if report else {}),
    )
    optional = [node for node in (converter, check, index, report) if node]
    learned = [transform, *([tuner] if tuner else []), trainer, baseline, evaluator]
    nodes = [*data.all, *learned, *optional, pusher]
    ours = {node.id: node for node in nodes}
    return nodes + [
        _built(name, node.build(config, ours))
        for name, node in NODES.items()
        if node.build is not None
    ]


def _built(name: str, node: Any) -> BaseNode:
    """Return the node of a plugin.

    Raises:
        InputError: it is not a TFX component with the id under which it is registered.
    """
    if not isinstance(node, BaseComponent) or node.id != name:
        shown = node.id if isinstance(node, BaseNode) else type(node).__name__
        raise InputError(
            f"the node {name!r} of a plugin builds {shown}; it must build a TFX component with the "
            f"id {name!r}"
        )
    return node
