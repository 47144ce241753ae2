"""`diptych releases`: list the releases, and put their records right."""

from typing import TYPE_CHECKING, Annotated

import typer

from diptych.cli.champion import open_to_change, print_line
from diptych.cli.command import AGAIN, HERE, ConfigFile, OnCluster, one_sentence

if TYPE_CHECKING:
    from components.release.store import ReleaseStore
    from pipeline.config.run_config import RunConfig

SHOWN = 20  # releases in the table

commands = typer.Typer(help="List the releases, newest first, and say which one serves.")


@commands.callback()
def releases_command(
    context: typer.Context,
    config: ConfigFile = HERE,
    on_cluster: OnCluster = False,
    every: Annotated[bool, typer.Option("--all", help=f"not only the newest {SHOWN}")] = False,
) -> None:
    """List the releases, newest first, and say which one serves; check every file."""
    if context.invoked_subcommand is not None:
        return
    with one_sentence():
        from pipeline.config.run_config import load

        show(load(config, on_cluster), every)


@commands.command("rebuild-registry")
def rebuild_registry_command(config: ConfigFile = HERE, on_cluster: OnCluster = False) -> None:
    """Record the releases in MLflow again.

    Needed if its database was lost, restored or edited.
    """
    with one_sentence(AGAIN):
        from pipeline.config.run_config import load

        rebuild_registry(load(config, on_cluster))


@commands.command("repair")
def repair_command(config: ConfigFile = HERE, on_cluster: OnCluster = False) -> None:
    """Repair a damaged or missing audit log.

    It is made to agree with the release that serves.
    """
    with one_sentence(AGAIN):
        from pipeline.config.run_config import load

        repair(load(config, on_cluster))


def show(config: "RunConfig", every: bool) -> None:
    """Print a table of the releases, newest first, and what is wrong with any of them.

    Every file of the listed releases is compared with its digest.
    """
    from components.evaluator.metrics.names import DIRECTIONS, metric_name
    from diptych.cli.printing import when
    from pipeline.console.rich_console import Table
    from pipeline.console.terminal import make_console, say
    from schema.errors import InputError
    from schema.text.messages import number_of

    recalls = [metric_name(DIRECTIONS[0], s) for s in ("recall_at_1", "recall_at_10")]
    store = _open(config)
    names, wrong = store.folders.names(), store.problems()
    try:
        champion = store.champion()
    except InputError:  # which `agreement.problems` reports, too
        champion = None
    numbers = sorted(store.folders.numbers(), reverse=True)
    console = make_console()
    if not names:
        say(console, f"no releases in {store.folder} yet")
        return
    table = Table(box=None, header_style="dim")
    for name in ("release", "made", "gates", "against"):
        table.add_column(name, no_wrap=True)
    for metric in recalls:
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
            table.add_row(str(number), *[""] * (3 + len(recalls)), state, style="red")
            continue
        figures = [content.metrics.get(metric) for metric in recalls]
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
    from components.release.files.release_folders import number_of_name

    return [name for name in names if number_of_name(name) is None]


def repair(config: "RunConfig") -> None:
    """Make the audit log agree with the release that serves, and print what was changed."""
    from components.release.log_repair import repair_log

    store = open_to_change(config)
    for note in repair_log(store) or ["the audit log is whole and agrees with what serves"]:
        print_line(note)


def rebuild_registry(config: "RunConfig") -> None:
    """Record every release in the registry from the files and the audit log."""
    from schema.text.messages import number_of

    store = open_to_change(config)
    for note in store.reconcile(rebuild=True):
        print_line(note)
    recorded = len(store.log().manifests().keys() - store.log().deregistered())
    print_line(f"the registry has {number_of(recorded, 'release')}; {_champion(store)}", "bold")


def _champion(store: "ReleaseStore") -> str:
    champion = store.champion()
    return "nothing serves" if champion is None else f"release {champion} is the champion"


def _open(config: "RunConfig") -> "ReleaseStore":
    from components.release.store import open_store

    return open_store(config.model_dump())
