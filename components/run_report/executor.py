"""What RunReport executes: gather the facts, and write page, model card and metrics."""

import json
import math
from pathlib import Path

from tfx.types import Artifact

from components.report_artifacts import (
    ModelCardArtifact,
    ReportPageArtifact,
    RunMetricsArtifact,
)
from components.run_report.gather import Sources, gather
from components.run_report.model_card import model_card
from components.run_report.page.page import render
from schema.plugins import load_digested


def execute(
    sources: dict[str, Artifact],
    index: Artifact | None,
    page: ReportPageArtifact,
    card: ModelCardArtifact,
    metrics: RunMetricsArtifact,
    config: str,
    plugins: str,
) -> None:
    """Write the report of a run.

    Args:
        sources: artifacts by their names in `gather.Sources`.
        index: of the catalogue, if there is one.
        page: gets the HTML page.
        card: gets the model card.
        metrics: gets the metrics of all queries, as JSON and as properties.
        config: canonical JSON of the whole run.
        plugins: as of `schema.plugins.load_digested`.
    """
    load_digested(plugins)
    paths = {name: Path(artifact.uri) for name, artifact in sources.items()}
    facts = gather(
        Sources(**paths, config=json.loads(config), index=Path(index.uri) if index else None)
    )
    page.value = render(facts)
    card.value = model_card(facts)
    finite = {name: value for name, value in facts.metrics.items() if math.isfinite(value)}
    metrics.value = json.dumps(finite, indent=1) + "\n"
    for name, value in finite.items():
        metrics.set_float_custom_property(name, value)
