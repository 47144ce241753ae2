"""Pusher: the TFX component."""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts

from components.catalogue_index.component import CatalogueIndexArtifact
from components.pusher.executor import execute
from components.release import contents
from components.report_artifacts import ModelCardArtifact, ReportPageArtifact
from components.tower_converter.component import PortableTowersArtifact


@component
def Pusher(
    model: InputArtifact[standard_artifacts.Model],
    model_run: InputArtifact[standard_artifacts.ModelRun],
    transform_graph: InputArtifact[standard_artifacts.TransformGraph],
    statistics: InputArtifact[standard_artifacts.ExampleStatistics],
    examples: InputArtifact[standard_artifacts.Examples],
    evaluation: InputArtifact[standard_artifacts.ModelEvaluation],
    serving_check: InputArtifact[standard_artifacts.InfraBlessing],
    pushed_model: OutputArtifact[standard_artifacts.PushedModel],
    config: Parameter[str],
    lost: Parameter[str],  # noqa: ARG001  only changes what TFX's cache compares
    index: InputArtifact[CatalogueIndexArtifact] = None,
    portable: InputArtifact[PortableTowersArtifact] = None,
    page: InputArtifact[ReportPageArtifact] = None,
    card: InputArtifact[ModelCardArtifact] = None,
) -> None:
    """Release a model, and promote it to champion if every gate allows that.

    Args:
        model: the Trainer's three SavedModels.
        model_run: its TensorBoard curves.
        transform_graph: the preprocessing that the models were trained with.
        statistics: of the training data.
        examples: the data itself; its span, fingerprint and digests are kept.
        evaluation: metrics and verdict.
        serving_check: its report and the warm-up requests.
        pushed_model: the outcome; see `components.pusher.outcome`.
        config: canonical JSON of the whole run.
        lost: champions whose files are gone; makes this node run again when there are some.
        index: of the embedded catalogue, if the config has one.
        portable: the converted towers, if the config has them.
        page: the report of the run, if the config has one.
        card: the model card, likewise.
    """
    execute(
        model=model,
        model_run=model_run,
        folders={
            contents.TRANSFORM_GRAPH: transform_graph,
            contents.STATISTICS: statistics,
            contents.EVALUATION: evaluation,
            **({contents.INDEX: index} if index else {}),
            **({contents.PORTABLE: portable} if portable else {}),
        },
        examples=examples,
        serving_check=serving_check,
        pushed_model=pushed_model,
        config=config,
        files={
            **({contents.REPORT: page} if page else {}),
            **({contents.MODEL_CARD: card} if card else {}),
        },
    )
