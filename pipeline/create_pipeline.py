"""The one pipeline: the same graph for a laptop, a Beam cluster and Kubeflow."""

from tfx.components import Evaluator, StatisticsGen, Trainer, Transform
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import pusher_pb2, trainer_pb2, transform_pb2

import tensorflow_data_validation as tfdv  # isort: skip  needs tfx to be imported first

from components.evaluation import eval_config
from components.example_gen.component import ImageTextExampleGen
from components.example_validator import ExampleValidator
from components.import_schema import CURATED, ImportSchema, with_attributes
from components.pusher import Pusher
from pipeline import code_version
from pipeline.config import RunConfig
from schema import features
from trainer.config import canonical_json

LOCAL_BEAM = (
    # Beam's default local runner downloads a binary when it runs; this one never does.
    "--runner=FnApiRunner",
    # Workers of a cluster import tfx first; for local ones see pipeline.beam_workers.
    "--beam_plugins=tfx",
    # Local workers have our environment; without this TFX packs itself for each Beam stage, 2 s.
    "--sdk_container_image=none",
)
PREPROCESSING = ("trainer/preprocessing.py", "trainer/text.py", "trainer/pixels.py")
CODE = {
    "ImageTextExampleGen": ("schema", "components/example_gen", "components/progress.py"),
    "StatisticsGen": (),
    "ImportSchema": ("schema", "components/import_schema.py"),
    "ExampleValidator": ("components/example_validator.py",),
    "Transform": ("schema/features.py", *PREPROCESSING),
    "Trainer": ("schema/features.py", "trainer"),
    "Evaluator": ("schema/features.py", "components/evaluation"),
    "Pusher": ("components/pusher.py",),
}


def create_pipeline(config: RunConfig, pipeline_root: str, enable_cache: bool = True) -> Pipeline:
    """Build the graph of a run.

    Args:
        config: the run.
        pipeline_root: where artifacts are written.
        enable_cache: reuse the outputs of nodes whose inputs, parameters and code are unchanged.

    Returns:
        A TFX pipeline without a metadata connection; a runner adds its own.
    """
    nodes = _nodes(config)
    for node in nodes:
        assert isinstance(node.executor_spec, ExecutorClassSpec)
        node.executor_spec.add_extra_flags([f"--code_version={code_version.digest(CODE[node.id])}"])
    return Pipeline(
        pipeline_name=config.name,
        pipeline_root=pipeline_root,
        components=nodes,
        enable_cache=enable_cache,
        beam_pipeline_args=[*LOCAL_BEAM, *config.beam],
    )


def _nodes(config: RunConfig) -> list[BaseNode]:
    example_gen = ImageTextExampleGen(
        input_base=config.data.path,
        splits=config.data.splits,
        attributes=config.data.attributes,
        max_captions=config.text.max_captions,
    )
    curated = CURATED.read_text()
    schema = ImportSchema(curated=curated, attributes=",".join(config.data.attributes))
    complete = with_attributes(curated, list(config.data.attributes))
    statistics = StatisticsGen(
        examples=example_gen.outputs["examples"],
        stats_options=tfdv.StatsOptions(
            feature_allowlist=[f.name for f in complete.feature if f.name != features.IMAGE_ENCODED]
        ),
    )
    validator = ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"]
    )
    transform = Transform(
        examples=example_gen.outputs["examples"],
        schema=schema.outputs["schema"],
        preprocessing_fn="trainer.preprocessing.preprocessing_fn",
        custom_config={"config": canonical_json(config.for_transform())},
        splits_config=transform_pb2.SplitsConfig(
            analyze=["train"], transform=list(config.data.splits)
        ),
        disable_statistics=True,  # over pixels they cost minutes and say nothing
    )
    transform.add_upstream_node(validator)  # nothing is learned from data that breaks the schema
    trainer = Trainer(
        run_fn="trainer.run.run_fn",
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema.outputs["schema"],
        train_args=trainer_pb2.TrainArgs(splits=["train"]),
        eval_args=trainer_pb2.EvalArgs(splits=[config.evaluation.split]),
        custom_config={"config": canonical_json(config.for_trainer())},
    )
    evaluator = Evaluator(
        examples=example_gen.outputs["examples"],
        model=trainer.outputs["model"],
        schema=schema.outputs["schema"],
        example_splits=[config.evaluation.split],
        eval_config=eval_config.build(config.evaluation),
        module_path="components.evaluation.extractor",
    )
    pusher = Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=config.push.path)
        ),
    )
    return [example_gen, statistics, schema, validator, transform, trainer, evaluator, pusher]
