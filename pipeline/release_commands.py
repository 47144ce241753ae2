"""What `diptych releases`, `promote`, `rollback` and `why` do."""

import datetime
import json
import time
from collections.abc import Iterable

from rich.table import Table

from components.evaluation import report
from components.evaluation.names import DIRECTIONS, metric_name
from components.release import contents, journal, manifest
from components.release.journal import Event
from components.release.releases import Releases, open_releases
from pipeline.config import RunConfig
from pipeline.run_locally import logs_of, print_gate, print_warnings, records_of
from pipeline.tables import print_report
from pipeline.terminal import make_console, say
from schema.errors import InputError
from schema.messages import number_of

SHOWN = 20  # releases in the table
RECALLS = tuple(metric_name(DIRECTIONS[0], s) for s in ("recall_at_1", "recall_at_10"))


def _open(config: RunConfig) -> Releases:
    return open_releases(config.model_dump())


def _print(line: str, style: str = "") -> None:
    say(make_console(), line, style)


def show(config: RunConfig, every: bool) -> None:
    """The table of releases, newest first."""
    releases = _open(config)
    champion, names = releases.champion(), releases.shelf.numbers()
    if not names:
        _print(f"no releases in {releases.folder} yet")
        return
    drawn = Table(box=None, header_style="dim")
    for name in ("release", "made", "gates", "against"):
        drawn.add_column(name, no_wrap=True)
    for metric in RECALLS:
        drawn.add_column(f"recall@{metric.rpartition('_')[2]}", justify="right", no_wrap=True)
    drawn.add_column("")
    for number in sorted(names, reverse=True)[: None if every else SHOWN]:
        content = manifest.read(releases.shelf.path(number))
        figures = [content.metrics.get(metric) for metric in RECALLS]
        drawn.add_row(
            str(number),
            _when(content.created),
            "passed" if content.passed else "refused",
            str(content.baseline or "nothing"),
            *("" if figure is None else f"{figure:.3f}" for figure in figures),
            "serves" if number == champion else "",
            style="bold" if number == champion else "",
        )
    console = make_console()
    console.print(drawn)
    if len(names) > SHOWN and not every:
        say(console, f"and {number_of(len(names) - SHOWN, 'older release')} (--all)", "dim")


def promote(config: RunConfig, number: int, force: bool, reason: str) -> None:
    """Make a release the champion; `force` needs a reason."""
    if force and not reason.strip():
        raise InputError("--force needs a --reason, which is kept in the audit trail")
    releases = _open(config)
    if releases.promote(number, reason=reason, forced=force):
        _print(f"release {number} serves now", "bold green")
    else:
        _print(f"release {number} serves already")


def rollback(config: RunConfig, reason: str) -> None:
    """Return to the champion before this one, and say when serving was switched."""
    started = time.monotonic()
    releases = _open(config)

    def switched(number: int) -> None:
        took = time.monotonic() - started
        _print(f"release {number} serves again, after {took:.1f} s", "bold green")

    releases.rollback(reason, switched)
    took = time.monotonic() - started
    _print(f"the registry agrees, after {took:.1f} s")


def why_newest(config: RunConfig) -> None:
    """The verdict of the newest release: where runs keep no record, it is the last run's."""
    releases = _open(config)
    numbers = releases.shelf.numbers()
    if not numbers:
        raise InputError(f"no releases in {releases.folder} yet")
    _why_release(releases, max(numbers))


def why(config: RunConfig, what: str | None) -> None:
    """The verdict of a release, by its number, or of a run, by its name; default: the last run."""
    if what is not None and what.isdecimal():
        _why_release(_open(config), int(what))
        return
    logs = logs_of(config)
    kept = records_of(config)
    if what is not None:
        kept = [path for path in kept if path.stem == what]
    if not kept:
        raise InputError(f"{logs}: there is no record of {'run ' + what if what else 'any run'}")
    told = json.loads(kept[0].read_text(encoding="utf-8"))
    _print(f"run {kept[0].stem}: {told['verdict']}", "bold")
    _gates((gate["passed"], gate["sentence"]) for gate in told["gates"])
    console = make_console()
    print_warnings(told["warnings"], told["notes"], console)
    if told["evaluation"]:
        print_report(report.of_plain(told["evaluation"]), console)


def _why_release(releases: Releases, number: int) -> None:
    content = manifest.read(releases.shelf.found(number))
    compared = f"release {content.baseline}" if content.baseline else "nothing"
    serves = ", serves now" if number == releases.champion() else ""
    _print(
        f"release {number}, made {_when(content.created)}, compared with {compared}{serves}", "bold"
    )
    _gates((gate.passed, gate.sentence) for gate in content.gates)
    evaluation = releases.shelf.path(number) / contents.EVALUATION
    if (evaluation / report.FILE).exists():
        measured = report.read(evaluation)
        print_warnings(measured.remarks, (), make_console())
        print_report(measured, make_console())
    for event in journal.read(releases.folder):
        if number in (event.release, event.replaced):
            _print(f"  {_when(event.time)}  {_event(event)}")


def _gates(gates: Iterable[tuple[bool, str]]) -> None:
    for passed, sentence in gates:
        print_gate(passed, sentence, make_console())


def _event(event: Event) -> str:
    what = {
        "promote": f"release {event.release} took over from {_release(event.replaced)}",
        "rollback": f"went back from {_release(event.replaced)} to {_release(event.release)}",
        "interrupted": f"the change to {_release(event.replaced)} was interrupted and taken back",
        "restored": f"{_release(event.release)} had been deleted and was written again",
        "found": f"{_release(event.release)} was found set in the registry by other means",
    }[event.action]
    forced = ", forced" if event.forced else ""
    reason = f": {event.reason}" if event.reason else ""
    return f"{what} (by {event.by}{forced}){reason}"


def _release(number: int | None) -> str:
    return "nothing" if number is None else f"release {number}"


def _when(seconds: float) -> str:
    return f"{datetime.datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M}"
