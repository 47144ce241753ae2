"""The end of `diptych run`: its record, and its outcome for people or as events for a program."""

import dataclasses
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from components.release.files.release_folders import ReleaseFolders
from diptych.cli.command import command_line
from diptych.cli.printing import keep, print_summary, print_verdict, print_warnings
from diptych.cli.run import brief
from pipeline.config.run_config import RunConfig
from pipeline.console.summary import Summary, of_local_run, record
from pipeline.console.terminal import make_console, say, tell
from pipeline.local.session import Outputs, Session


class RunOutcome:
    """Writes what becomes of a run.

    Args:
        here: the open session of the run.
        config: of the run.
    """

    def __init__(self, here: Session, config: RunConfig):
        self._here, self._config = here, config
        self._record = here.log.with_suffix(".json")

    def warn(self, sentences: Iterable[str]) -> None:
        """Show those warnings that were not shown yet."""
        new = [sentence for sentence in sentences if self._here.is_new(sentence)]
        if self._here.events is None:
            print_warnings(new, (), self._here.console)
        else:
            for sentence in new:
                self._here.events.warning(sentence)

    def end_early(
        self, outcome: Literal["failed", "stopped"], verdict: str, outputs: Outputs
    ) -> None:
        """Keep the record of a run that came to no model, and show its warnings.

        Args:
            outcome: whether a node failed, or a signal came.
            verdict: a sentence.
            outputs: of the nodes that were done.
        """
        here = self._here
        if here.events is None:
            print_warnings(here.warnings, (), here.console)
        self.warn(keep(self._record, record(None, verdict, here.nodes, outputs)))
        self._write_events(outcome, verdict, None, outputs)

    def end(self, outputs: Outputs) -> Summary:
        """Keep the record of a run, and show its outcome."""
        here = self._here
        summary = of_local_run(outputs)
        new = tuple(sentence for sentence in summary.warnings if here.is_new(sentence))
        summary = dataclasses.replace(summary, warnings=(*here.warnings, *new))
        text = record(summary, summary.verdict, here.nodes, outputs, self._plain())
        if here.events is None:
            self.warn(keep(self._record, text))
            if brief.is_too_long(summary, here.console):
                brief.print_brief(summary, here.console)
            else:
                print_summary(summary, here.console)
                say(here.console, how_to_see_the_curves(outputs))
            return summary
        for gate in summary.gates:
            here.events.gate(gate.passed, gate.sentence)
        for sentence in new:
            here.events.warning(sentence)
        here.events.notes(summary.notes)
        self.warn(keep(self._record, text))
        outcome: Literal["shipped", "refused"] = "shipped" if summary.shipped else "refused"
        self._write_events(outcome, summary.verdict, summary.outcome.release, outputs)
        return summary

    def _plain(self) -> dict[str, Any]:
        """Return the config as JSON has it, without where and how a cluster runs it."""
        return self._config.model_copy(update={"kubeflow": None}).model_dump(mode="json")

    def _write_events(
        self, outcome: str, verdict: str, release: int | None, outputs: Outputs
    ) -> None:
        if self._here.events is None:
            return
        folder = None if release is None else str(_release(self._config, release))
        trained = outputs.get("Trainer", {}).get("model_run")
        self._here.events.write_files(
            self._here.log,
            self._record,
            release=folder,
            serving=folder and self._config.push.path,
            curves=trained[0].uri if trained else None,
        )
        self._here.events.verdict(outcome, verdict, release)


def how_to_see_the_curves(outputs: Outputs) -> str:
    """Return the TensorBoard command that shows the curves of the training."""
    [curves] = outputs["Trainer"]["model_run"]
    program = Path(sys.executable).with_name("tensorboard")
    return f"curves of the training: {shlex.join([str(program), '--logdir', curves.uri])}"


def print_next_steps(file: Path, config: RunConfig, summary: Summary) -> None:
    """Print the commands that show what a run made; on a low terminal the verdict above them.

    Args:
        file: of the config.
        config: its content.
        summary: of the run; of a model that does not serve its own release is searched.
    """
    release = Path(config.push.path)
    if not summary.shipped:
        release = _release(config, summary.outcome.release)
    commands = [["report", "-c", _short(file)], ["search", _short(release)]]
    console = make_console()
    if brief.is_too_long(summary, console):
        print_verdict(summary, console)
        commands.insert(0, ["why", "-c", _short(file)])  # has all that was left out
    for place, command in enumerate(commands):
        tell(f"{'      ' if place else 'next: '}{command_line(*command)}")


def _release(config: RunConfig, number: int) -> Path:
    return ReleaseFolders(Path(config.push.path), config.name).path(number)


def _short(path: Path) -> str:
    """Return a path from here where it is below this folder."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
