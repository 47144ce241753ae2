"""A pipeline run on one machine: its log, its display, and one sentence when it fails."""

import contextlib
import dataclasses
import datetime
import io
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from pipeline.beam.arguments import expand_arguments
from pipeline.console.progress_text import duration
from pipeline.console.rich_console import Console
from pipeline.console.terminal import make_console, say
from pipeline.local.display import Display, Listener, choose
from pipeline.local.event_stream import EventStream
from pipeline.node_recorder import SET_UP, NodeRecorder
from pipeline.process import stopping
from pipeline.process.lean_imports import import_tfx, restore_files
from pipeline.process.redirect_output import output_to
from pipeline.process.temporary_folder import scratch
from schema.errors import InputError, RunFailedError, last_line, sentence_for_people
from schema.node_record import NodeRecord
from schema.system import file_errors
from schema.text.untrusted_text import for_people
from trainer.training.performance.cpu import choose_kernels
from trainer.training.preemption import PreemptedError

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline

NAME = "%Y-%m-%dT%H-%M-%S"
"""How a run is named after the second in which it starts, for strftime."""

Outputs = dict[str, dict[str, list[Any]]]


@dataclasses.dataclass(frozen=True)
class Session:
    """An open run: the console that it prints to, and the log that gets all other output.

    Attributes:
        console: prints for people; where `events` is given, to nobody.
        log: the file of the log.
        events: what the run is written to as JSON; None: people read it.
        warnings: sentences that came up while the nodes ran, each once.
    """

    console: Console
    log: Path
    _display: Display
    events: EventStream | None = None
    warnings: list[str] = dataclasses.field(default_factory=list)
    _recorder: NodeRecorder = dataclasses.field(default_factory=NodeRecorder)
    _warned: set[str] = dataclasses.field(default_factory=set)

    @property
    def nodes(self) -> list[NodeRecord]:
        """How the nodes went that have ended, in their order."""
        return self._recorder.records

    def run(
        self, workspace: Path, build: "Callable[[], Pipeline]"
    ) -> tuple[dict[str, str], Outputs]:
        """Build a pipeline and run it in this process, showing how it goes.

        Args:
            workspace: where metadata is kept.
            build: called once TFX is imported.

        Returns:
            How each node went, and the artifacts each one answered with.

        Raises:
            RunFailedError: a node failed; what was released before is as it was.
            stopping.Interrupted: SIGINT or SIGTERM came.
        """
        node = SET_UP
        # TFX hands the arguments of this process on to Beam, which has no use for ours.
        arguments, sys.argv = sys.argv, sys.argv[:1]

        def listen(node_id: str, state: str) -> None:
            nonlocal node
            node = node_id
            self._listen(node_id, state)

        def warn(sentence: str) -> None:
            if self.is_new(sentence := sentence.removeprefix(f"{node}: ")):
                self.warnings.append(sentence)
                self._display.warning(sentence)

        with self._display, Listener(self._display.progress, warn):
            try:
                listen(SET_UP, "started")
                import_tfx()
                from pipeline.local import runner

                built = build()
                expand_arguments(built)
                listen(SET_UP, "ran")
                self._display.plan([component.id for component in built.components])
                outcomes, outputs = runner.run(built, workspace, listen)
                return dict(outcomes), outputs
            except (Exception, SystemExit, KeyboardInterrupt) as error:
                done = getattr(error, "outputs", None)  # the runner's StoppedError has a cause
                cause = error if done is None else error.__cause__ or error
                if stopping.signalled():
                    self._listen(node, "stopped")
                    raise stopping.Interrupted(node, _advice(cause)) from error
                self._listen(node, "failed")
                if isinstance(error, KeyboardInterrupt):
                    raise
                logging.getLogger(__name__).exception("%s failed", node)
                raise RunFailedError(_sentence(node, cause, self.log), done) from error
            finally:
                sys.argv = arguments
                restore_files()

    def is_new(self, warning: str) -> bool:
        """Whether a warning comes for the first time in this run; its second call says no."""
        shown = for_people(warning)
        is_new = shown not in self._warned
        self._warned.add(shown)
        return is_new

    def _listen(self, node: str, state: str) -> None:
        if state == "started":
            self._recorder.start(node)
            self._display.node(node, state)
        else:
            self._display.node(node, state, self._recorder.end(node, state))


@contextlib.contextmanager
def open_session(
    title: str, logs: Path, silent: bool = False, as_events: bool = False
) -> Iterator[Session]:
    """Open a log and print where it is; at the end print how long the run took.

    Args:
        title: what runs.
        logs: the folder of logs.
        silent: print nothing, because the output is for a program.
        as_events: print events as JSON, and nothing else.

    Raises:
        OSError: the folder cannot be written.
    """
    choose_kernels()  # before anything imports TensorFlow
    started = datetime.datetime.now()
    live = sys.stdout.isatty()
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"{_next_name(logs, started)}.log"
    with scratch(), output_to(log) as terminal:
        silent = silent or as_events
        shown = io.StringIO() if silent else terminal
        console = make_console(shown, live and not silent)
        say(console, f"{title}: log of this run in {log}")
        if as_events:
            events = EventStream(terminal)
            events.begin(title, str(log))
            yield Session(console, log, events, events)
        else:
            yield Session(console, log, choose(shown, console))
        took = (datetime.datetime.now() - started).total_seconds()
        say(console, f"took {duration(took)}")


@contextlib.contextmanager
def output_logged(log: Path) -> Iterator[TextIO]:
    """Send what libraries print to a log, and end with one sentence where they fail.

    Args:
        log: the file; its folder is made.

    Yields:
        A stream to the terminal.

    Raises:
        RunFailedError: an error that has no sentence of its own came up; names the log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with output_to(log) as terminal:
        try:
            yield terminal
        except InputError:
            raise
        except (Exception, SystemExit) as error:
            logging.getLogger(__name__).exception("failed")
            known = file_errors.sentence(error)
            raise RunFailedError(known or f"{last_line(error)} (traceback in {log})") from error


def _next_name(logs: Path, now: datetime.datetime) -> str:
    """Name a run after this second, or the one after that of the last run in its folder.

    The clock may have been put back since; the last run is the one with the last name.
    """
    name = f"{now:{NAME}}"
    for last in sorted((log.stem for log in logs.glob("*.log") if log.stem >= name), reverse=True):
        with contextlib.suppress(ValueError):  # another file than a run's
            after = datetime.datetime.strptime(last, NAME) + datetime.timedelta(seconds=1)
            return f"{after:{NAME}}"
    return name


def _advice(error: BaseException) -> str | None:
    """Return what training says when a signal ends it: how far it is, and what is kept of it."""
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, PreemptedError):
        seen = seen.__cause__ or seen.__context__
    return None if seen is None else str(seen)


def _sentence(node: str, error: BaseException, log: Path) -> str:
    if known := sentence_for_people(error) or file_errors.sentence(error):
        return f"{node}: {known}"
    return f"{node} failed with {last_line(error)} (traceback in {log})"
