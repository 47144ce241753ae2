"""RunReport: the TFX component."""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts

from components.catalogue_index.component import CatalogueIndexArtifact
from components.example_gen.component import QuarantineArtifact
from components.report_artifacts import (
    ModelCardArtifact,
    ReportPageArtifact,
    RunMetricsArtifact,
)


@component
def RunReport(
    examples: InputArtifact[standard_artifacts.Examples],
    model: InputArtifact[standard_artifacts.Model],
    model_run: InputArtifact[standard_artifacts.ModelRun],
    evaluation: InputArtifact[standard_artifacts.ModelEvaluation],
    serving_check: InputArtifact[standard_artifacts.InfraBlessing],
    statistics: InputArtifact[standard_artifacts.ExampleStatistics],
    anomalies: InputArtifact[standard_artifacts.ExampleAnomalies],
    quarantine: InputArtifact[QuarantineArtifact],
    page: OutputArtifact[ReportPageArtifact],
    card: OutputArtifact[ModelCardArtifact],
    metrics: OutputArtifact[RunMetricsArtifact],
    config: Parameter[str],
    templates: Parameter[str],  # noqa: ARG001  only changes what TFX's cache compares
    plugins: Parameter[str],
    index: InputArtifact[CatalogueIndexArtifact] = None,
) -> None:
    """Write what a run did: a page for a browser, a model card, and the metrics.

    Args:
        examples: of ImageTextExampleGen.
        model: of the Trainer.
        model_run: its TensorBoard curves.
        evaluation: metrics and verdict.
        serving_check: its report.
        statistics: of the data.
        anomalies: of ExampleValidator.
        quarantine: of ImageTextExampleGen.
        page: one HTML file.
        card: one Markdown file.
        metrics: of all queries.
        config: canonical JSON of the whole run.
        templates: digest of the files that the page is rendered from.
        plugins: as of `schema.plugins.load_digested`.
        index: of the embedded catalogue, if the config has one.
    """
    sources = {
        "examples": examples,
        "model": model,
        "model_run": model_run,
        "evaluation": evaluation,
        "serving_check": serving_check,
        "statistics": statistics,
        "anomalies": anomalies,
        "quarantine": quarantine,
    }
    from components.run_report.executor import execute  # a second, which a cached run is spared

    execute(sources, index, page, card, metrics, config, plugins)
