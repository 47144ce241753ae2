"""The node that looks for better values before the Trainer, in a run whose config asks for it."""

from tfx.components import Transform, Tuner
from tfx.proto import trainer_pb2

from pipeline.config.run_config import RunConfig
from schema.config.section import canonical_json
from trainer.export.digests import content_digests


def tuner_node(config: RunConfig, transform: Transform, checkpoints: str | None) -> Tuner:
    """A search on the train split alone: what the gates see must never have been tuned for.

    Args:
        config: with a section `tune`.
        transform: brings the records.
        checkpoints: as of `create_pipeline`.
    """
    assert config.tune is not None
    trained = config.for_trainer()
    content = [content_digests(each) for each in (trained, *config.tune.variants(trained))]
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
