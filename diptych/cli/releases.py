"""What `diptych releases`, `promote` and `rollback` do."""

from components.evaluator.metrics.names import DIRECTIONS, metric_name
from components.release.files.release_folders import number_of_name
from components.release.log_repair import repair_log
from components.release.store import ReleaseStore, open_store
from diptych.cli.why import when
from pipeline.config.run_config import RunConfig
from pipeline.console.terminal import make_console, say
from schema.errors import InputError
from schema.text.messages import number_of

SHOWN = 20  # releases in the table
AGREES = "the registry agrees"  # which takes MLflow some seconds
RECALLS = tuple(metric_name(DIRECTIONS[0], s) for s in ("recall_at_1", "recall_at_10"))


def _open(config: RunConfig) -> ReleaseStore:
    return open_store(config.model_dump())


def _open_to_change(config: RunConfig) -> ReleaseStore:
    """Open releases that must be there: a misspelt push.path makes no folder."""
    store = _open(config)
    if not store.folders.names():
        raise InputError(f"{store.folders.releases}: holds no releases; see push.path")
    return store


def _print(line: str, style: str = "") -> None:
    say(make_console(), line, style)


def show(config: RunConfig, every: bool) -> None:
    """Print the table of releases, newest first, and what is wrong with any of them.

    Every file of the releases in the table is compared with its digest.
    """
    from pipeline.console.rich_console import Table

    store = _open(config)
    names, wrong = store.folders.names(), store.problems()
    try:
        champion = store.champion()
    except InputError:  # which is among what is wrong
        champion = None
    numbers = sorted(store.folders.numbers(), reverse=True)
    console = make_console()
    if not names:
        say(console, f"no releases in {store.folder} yet")
        return
    table = Table(box=None, header_style="dim")
    for name in ("release", "made", "gates", "against"):
        table.add_column(name, no_wrap=True)
    for metric in RECALLS:
        table.add_column(f"recall@{metric.rpartition('_')[2]}", justify="right", no_wrap=True)
    table.add_column("")
    problems = [f"{store.folders.releases / n}: is not a release" for n in _foreign(names)]
    for number in numbers[: None if every else SHOWN]:
        serves = "serves" if number == champion else ""
        style = "bold" if number == champion else ""
        try:
            content = store.verified(number)
        except InputError as error:
            problems.append(f"release {number} is damaged: {error}")
            state = "damaged, serves" if serves else "damaged"
            table.add_row(str(number), *[""] * (3 + len(RECALLS)), state, style="red")
            continue
        figures = [content.metrics.get(metric) for metric in RECALLS]
        table.add_row(
            str(number),
            when(content.created),
            "passed" if content.passed else "refused",
            str(content.baseline or "nothing"),
            *("" if figure is None else f"{figure:.3f}" for figure in figures),
            serves,
            style=style,
        )
    console.print(table)
    if len(numbers) > SHOWN and not every:
        say(console, f"and {number_of(len(numbers) - SHOWN, 'older release')} (--all)", "dim")
    if champion is not None and champion not in numbers:
        problems.append(f"release {champion} serves, and its files are gone; promote another one")
    for sentence in [*problems, *wrong]:
        say(console, f"! {sentence}", "yellow")


def _foreign(names: list[str]) -> list[str]:
    return [name for name in names if number_of_name(name) is None]


def promote(config: RunConfig, number: int, force: bool, reason: str) -> None:
    """Make a release the champion; `force` needs a reason."""
    if force and not reason.strip():
        raise InputError("--force needs a --reason, which is kept in the audit log")

    def switched(moved: bool) -> None:
        _print(f"release {number} serves {'now' if moved else 'already'}", "bold green" * moved)

    _open_to_change(config).promote(number, reason=reason, forced=force, switched=switched)
    _print(AGREES)


def rollback(config: RunConfig, reason: str) -> None:
    """Return to the champion before this one, and say so as soon as serving was switched."""

    def switched(number: int) -> None:
        _print(f"release {number} serves again", "bold green")

    _open_to_change(config).rollback(reason, switched)
    _print(AGREES)


def repair(config: RunConfig) -> None:
    """Have the audit log agree with what serves, and say what was put right."""
    store = _open_to_change(config)
    for note in repair_log(store) or ["the audit log is whole and agrees with what serves"]:
        _print(note)


def rebuild_registry(config: RunConfig) -> None:
    """Record every release in the registry from the files and the audit log."""
    store = _open_to_change(config)
    for note in store.reconcile(rebuild=True):
        _print(note)
    recorded = len(store.log().manifests().keys() - store.log().deregistered())
    _print(f"the registry has {number_of(recorded, 'release')}; {_champion(store)}", "bold")


def _champion(store: ReleaseStore) -> str:
    champion = store.champion()
    return "nothing serves" if champion is None else f"release {champion} is the champion"
