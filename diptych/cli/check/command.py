"""`diptych check`: ingest, statistics and validation without training, as one table."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diptych.cli.command import (
    RERUN,
    AsJson,
    ConfigArgument,
    GivenValues,
    PrintConfig,
    Wait,
    command_line,
    need_pipeline,
    one_sentence,
    print_config,
)

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline

    from components.evaluator.config import EvaluationConfig
    from pipeline.config.run_config import RunConfig
    from pipeline.local.session import Outputs


def check_command(
    config: ConfigArgument,
    given: GivenValues = None,
    wait: Wait = False,
    as_json: AsJson = False,
    only_print: PrintConfig = False,
) -> None:
    """Check the data without training anything.

    Prints what is read, what is left out and why, and what is anomalous.

    Exit codes: 0 a run can use the data, 1 it cannot, 2 the config is bad.
    """
    with one_sentence(RERUN):
        if only_print:
            print_config(config, given or [])
            return
        need_pipeline()
        from pipeline.config.load_to_train import load_to_train

        check(load_to_train(config, given or []), wait, as_json)
        if not as_json:
            from pipeline.console.terminal import tell

            tell(f"next: {command_line('run', str(config), *(given or []))}")


def check(config: "RunConfig", wait: bool = False, as_json: bool = False) -> None:
    """Run the nodes that examine the data, and print a table; nothing is trained.

    The next run takes these nodes from the cache if nothing changes in between.

    Args:
        config: of the run.
        wait: wait until another command in the workspace has ended.
        as_json: print events as JSON for a program, see `pipeline.local.events`.

    Raises:
        InputError: another command works in the workspace.
        Interrupted: SIGINT or SIGTERM came.
        RunFailedError: the data cannot be used, or has too few records for the config. The table
            of what is known was printed before.
    """
    from diptych.cli.check.outcome import CheckOutcome
    from pipeline.console.terminal import complain, tell
    from pipeline.local import disks
    from pipeline.local.run_logs import logs_of
    from pipeline.local.session import open_session
    from pipeline.process.stopping import Interrupted
    from pipeline.process.workspace_lock import locked
    from schema.errors import InputError, RunFailedError

    workspace = Path(config.workspace)

    def build() -> "Pipeline":
        from pipeline.create_pipeline import data_pipeline

        return data_pipeline(config, str(workspace / "artifacts"))

    title = config.name if as_json else f"{config.name}: check of the data"
    with (
        disks.of_run(config),
        locked(workspace, "check", wait, complain if as_json else tell),
        open_session(title, logs_of(config), as_events=as_json) as here,
    ):
        outcome = CheckOutcome(here, config)
        outcome.warn(config.warnings())
        try:
            _, outputs = here.run(workspace, build)
        except RunFailedError as error:
            outcome.show(error.outputs, measure=False)
            outcome.end("failed", f"check failed: {error}", error.outputs)
            raise
        except Interrupted as stopped:
            outcome.end("stopped", str(stopped), {})
            raise
        outcome.show(outputs, measure=True)
        try:
            _refuse_what_fails_later(config, outputs)
        except InputError as error:
            outcome.end("failed", f"check failed: {error}", outputs)
            raise RunFailedError(str(error), outputs) from error
        outcome.end("usable", "checked: the data can be used", outputs)


def _refuse_what_fails_later(config: "RunConfig", outputs: "Outputs") -> None:
    """Raise an InputError for good data that a run with this config could not use."""
    from diptych.cli.check.data_table import split_statistics, summary_of
    from schema.errors import InputError
    from trainer.training.optimization.schedule import steps_of

    steps_of(config.training, summary_of(outputs).examples["train"])
    if "StatisticsGen" in outputs:
        [statistics] = outputs["StatisticsGen"]["statistics"]
        evaluated = split_statistics(statistics.uri, config.evaluation.split)
        for problem in impossible_gates(config.evaluation, evaluated):
            raise InputError(problem)


def impossible_gates(evaluation: "EvaluationConfig", statistics: Any) -> Iterator[str]:
    """Name the gates that the evaluated split can never pass.

    Args:
        evaluation: the split and the gates.
        statistics: DatasetFeatureStatistics of that split.
    """
    from components.evaluator.metrics.registry import METRICS

    metrics = [g.metric for g in evaluation.gates if METRICS[g.metric].needs == "labels"]
    if metrics and not _has_both_labels(statistics):
        yield (
            f"evaluation.gates: {', '.join(metrics)} compares captions that match with captions "
            f"that do not, and the split {evaluation.split} has no caption with the label 0 beside "
            "one that matches: leave the gate out, or give the captions labels"
        )


def _has_both_labels(statistics: Any) -> bool:
    from schema import features

    for feature in statistics.features:
        if feature.path.step[0] == features.LABELS:
            numbers = feature.num_stats
            # A record without labels is one of matches.
            unlabelled = numbers.common_stats.num_non_missing < statistics.num_examples
            return bool(numbers.min == 0 and (numbers.max == 1 or unlabelled))
    return False
