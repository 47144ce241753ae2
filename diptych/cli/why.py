"""`diptych why`: print the verdict of a release or a run, gate by gate."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from diptych.cli.command import HERE, ConfigFile, OnCluster, one_sentence

if TYPE_CHECKING:
    from components.release.audit_log import Event
    from components.release.store import ReleaseStore
    from pipeline.config.run_config import RunConfig


def why_command(
    what: Annotated[
        str | None, typer.Argument(help="number of a release, or a run; default: the last run")
    ] = None,
    config: ConfigFile = HERE,
    on_cluster: OnCluster = False,
) -> None:
    """Say why a model was promoted or not, gate by gate."""
    with one_sentence():
        from pipeline.config.run_config import load

        if on_cluster and what is None:
            why_newest(load(config, on_cluster))
        else:
            why(load(config, on_cluster), what)


def _print(line: str, style: str = "") -> None:
    from pipeline.console.terminal import make_console, say

    say(make_console(), line, style)


def why_newest(config: "RunConfig") -> None:
    """Print the verdict of the newest release; on a cluster, where runs keep no record."""
    from components.release.store import open_store
    from schema.errors import InputError

    store = open_store(config.model_dump())
    numbers = store.folders.numbers()
    if not numbers:
        raise InputError(f"no releases in {store.folder} yet")
    _why_release(store, max(numbers))


def why(config: "RunConfig", what: str | None) -> None:
    """Print the verdict of a release, by its number, or of a run, by its name or the last.

    Raises:
        InputError: there is no such release, or no record of such a run.
    """
    from components.evaluator import report
    from components.release.files.release_folders import number_of_name
    from components.release.store import open_store
    from diptych.cli.printing import print_warnings
    from pipeline.console.tables import print_report
    from pipeline.console.terminal import make_console
    from pipeline.local.run_records import read_record, record_of
    from trainer.training.fine_tuning import mixing_curve

    if what is not None and number_of_name(what) is not None:
        _why_release(open_store(config.model_dump()), int(what))
        return
    path = record_of(config, what)
    record = read_record(path)
    _print(f"run {path.stem}: {record['verdict']}", "bold")
    _gates((gate["passed"], gate["sentence"]) for gate in record["gates"])
    console = make_console()
    print_warnings(record["warnings"], record["notes"], console)
    if record["evaluation"]:
        mixing = record.get("mixing")
        curve = mixing_curve.of_plain(mixing) if mixing else None
        print_report(report.of_plain(record["evaluation"]), console, curve)


def _why_release(store: "ReleaseStore", number: int) -> None:
    from components.evaluator import report
    from components.release import contents
    from components.release.files import manifest
    from diptych.cli.printing import print_warnings, when
    from pipeline.console.tables import print_report
    from pipeline.console.terminal import make_console
    from trainer.training.fine_tuning import mixing_curve

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
        _print(f"! its manifest is damaged: {problem}", "red")
    _gates((gate.passed, gate.sentence) for gate in content.gates)
    evaluation = store.folders.path(number) / contents.EVALUATION
    if (evaluation / report.FILE).exists():
        measured = report.read(evaluation)
        print_warnings(measured.remarks, (), make_console())
        print_report(measured, make_console(), mixing_curve.read(evaluation.parent))
    _history(store, number)


def _history(store: "ReleaseStore", number: int) -> None:
    from diptych.cli.printing import when

    for event in store.log().events:
        if number in (event.release, event.replaced):
            _print(f"  {when(event.time)}  {_event(event)}")


def _gates(gates: Iterable[tuple[bool, str]]) -> None:
    from diptych.cli.printing import print_gate
    from pipeline.console.terminal import make_console

    for passed, sentence in gates:
        print_gate(passed, sentence, make_console())


def _event(event: "Event") -> str:
    from components.release.gates import described

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
