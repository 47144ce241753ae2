"""What `diptych run` does: run, sum up, keep the verdict."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from components.evaluation import text_metrics
from components.evaluation.measurement import Measurements
from components.release.releases import open_releases
from pipeline.config import RunConfig
from pipeline.session import RunFailedError, session
from pipeline.summary import SHOWN, Summary, of_local_run, record, table

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline


def logs_of(config: RunConfig) -> Path:
    """The folder with a log and a record of every run."""
    return Path(config.workspace) / "logs"


def run(config: RunConfig, use_cache: bool = True) -> Summary:
    """Run the pipeline in this process and print how it goes and what came out.

    Raises:
        RunFailedError: a node failed; what serves is as it was.
    """
    workspace = Path(config.workspace)

    def build() -> "Pipeline":
        from pipeline.create_pipeline import create_pipeline

        lost = open_releases(config.model_dump()).lost()
        return create_pipeline(
            config,
            str(workspace / "artifacts"),
            use_cache,
            lost,
            str(workspace / "checkpoints"),
        )

    with session(config.name, logs_of(config)) as here:
        kept = here.log.with_suffix(".json")
        try:
            outcomes, outputs = here.run(workspace, build)
        except RunFailedError as error:
            kept.write_text(record(None, f"failed: {error}", {}, error.outputs))
            raise
        summary = of_local_run(outputs)
        kept.write_text(record(summary, summary.verdict, outcomes, outputs))
        print_summary(summary, here.console)
    return summary


def print_summary(summary: Summary, console: Console) -> None:
    """The verdict first, then each gate, then the metrics over all queries."""
    console.print()
    style = "bold green" if summary.shipped else "bold red"
    console.print(summary.verdict, style=style, highlight=False, soft_wrap=True)
    for gate in summary.gates:
        print_gate(gate.passed, gate.sentence, console)
    print_warnings(summary.warnings, summary.notes, console)
    print_metrics(summary.results[()], console)
    tokens = text_metrics.sentence(summary.results[()])
    console.print(tokens, highlight=False, markup=False, soft_wrap=True)


def print_gate(passed: bool, sentence: str, console: Console) -> None:
    """A line for a gate, with a mark."""
    style = "" if passed else "red"
    line = f"  {'✓' if passed else '✗'} {sentence}"
    console.print(line, style=style, highlight=False, markup=False, soft_wrap=True)


def print_warnings(warnings: Iterable[str], notes: Iterable[str], console: Console) -> None:
    """A line for each: what is wrong with the data, then what could not be looked at."""
    for mark, style, lines in (("!", "yellow", warnings), ("-", "dim", notes)):
        for line in lines:
            text = f"  {mark} {line}"
            console.print(text, style=style, highlight=False, markup=False, soft_wrap=True)


def print_metrics(measurements: Measurements, console: Console) -> None:
    """A row for each direction, a column for each statistic."""
    drawn = Table(box=None, header_style="dim")
    drawn.add_column("all queries")
    for statistic in SHOWN:
        drawn.add_column(statistic.replace("_at_", "@").replace("_", " "), justify="right")
    for row in table(measurements):
        drawn.add_row(*row)
    console.print(drawn)
