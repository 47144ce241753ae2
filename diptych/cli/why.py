"""What `diptych why` does: the verdict of a release or a run, gate by gate."""

import datetime
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from components.evaluator import report
from components.release import contents
from components.release.audit_log import Event
from components.release.files import manifest
from components.release.files.release_folders import number_of_name
from components.release.gates import described
from components.release.store import ReleaseStore, open_store
from diptych.cli.run import print_gate, print_warnings
from pipeline.config.run_config import RunConfig
from pipeline.console.tables import print_report
from pipeline.console.terminal import make_console, say
from pipeline.local.run_logs import logs_of, records_of
from schema.errors import InputError
from schema.text import json_text


def _print(line: str, style: str = "") -> None:
    say(make_console(), line, style)


def why_newest(config: RunConfig) -> None:
    """The verdict of the newest release: where runs keep no record, it is the last run's."""
    store = open_store(config.model_dump())
    numbers = store.folders.numbers()
    if not numbers:
        raise InputError(f"no releases in {store.folder} yet")
    _why_release(store, max(numbers))


def why(config: RunConfig, what: str | None) -> None:
    """The verdict of a release, by its number, or of a run, by its name; default: the last run."""
    if what is not None and number_of_name(what) is not None:
        _why_release(open_store(config.model_dump()), int(what))
        return
    logs = logs_of(config)
    kept = records_of(config)
    if what is not None:
        kept = [path for path in kept if path.stem == what]
    if not kept:
        raise InputError(f"{logs}: there is no record of {'run ' + what if what else 'any run'}")
    told = _record(kept[0])
    _print(f"run {kept[0].stem}: {told['verdict']}", "bold")
    _gates((gate["passed"], gate["sentence"]) for gate in told["gates"])
    console = make_console()
    print_warnings(told["warnings"], told["notes"], console)
    if told["evaluation"]:
        print_report(report.of_plain(told["evaluation"]), console)


def _record(path: Path) -> Any:
    """Read what a run has left of itself."""
    try:
        return json_text.parse(path.read_bytes())
    except ValueError as error:
        raise InputError(f"{path}: the record of this run cannot be read: {error}") from error


def _why_release(store: ReleaseStore, number: int) -> None:
    if number in store.log().pruned():
        _history(store, number)
        return
    if number in store.log().numbers() and not store.folders.is_there(number):
        _print(f"release {number}: its files are gone", "red")
        _history(store, number)
        return
    problem = store.problem(number)
    content = manifest.read(store.folders.existing(number))
    compared = f"release {content.baseline}" if content.baseline else "nothing"
    serves = ", serves now" if number == store.champion() else ""
    _print(
        f"release {number}, made {when(content.created)}, compared with {compared}{serves}", "bold"
    )
    if problem is not None:
        _print(f"! what it says of itself is not to be believed: {problem}", "red")
    _gates((gate.passed, gate.sentence) for gate in content.gates)
    evaluation = store.folders.path(number) / contents.EVALUATION
    if (evaluation / report.FILE).exists():
        measured = report.read(evaluation)
        print_warnings(measured.remarks, (), make_console())
        print_report(measured, make_console())
    _history(store, number)


def _history(store: ReleaseStore, number: int) -> None:
    for event in store.log().events:
        if number in (event.release, event.replaced):
            _print(f"  {when(event.time)}  {_event(event)}")


def _gates(gates: Iterable[tuple[bool, str]]) -> None:
    for passed, sentence in gates:
        print_gate(passed, sentence, make_console())


def _event(event: Event) -> str:
    release = described(event.release)
    replaced = described(event.replaced)
    what = {
        "published": f"{release} was published",
        "restored": f"{release} was damaged or deleted, and was written again",
        "promote": f"{release} took over from {replaced}",
        "rollback": f"went back from {replaced} to {release}",
        "registry_champion": f"{release} was made champion in MLflow, in place of {replaced}",
        "overruled": f"{release} was made champion in MLflow, and {replaced} stayed",
        "registered": f"{release} was recorded in the registry again",
        "deregistered": f"{release} is not in the registry any more",
        "pruned": f"{release} was removed, as push.keep asks",
        "repaired": f"the audit log was repaired, and {release} serves",
    }[event.action]
    forced = ", forced" if event.forced else ""
    reason = f": {event.reason}" if event.reason else ""
    return f"{what} (by {event.by}{forced}){reason}"


def when(seconds: float) -> str:
    """Write a time as people in its place do."""
    return f"{datetime.datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M}"
