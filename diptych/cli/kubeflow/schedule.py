"""`diptych kubeflow schedule`: set, list, pause, resume and delete schedules."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from diptych.cli.command import AGAIN, HERE, one_sentence
from diptych.cli.kubeflow.submit import (
    Compiled,
    Config,
    Host,
    Namespace,
    Settings,
    compiled_package,
    connected,
)
from pipeline.console.terminal import tell

if TYPE_CHECKING:
    from kubeflow.client.connection import Server

Name = Annotated[str, typer.Argument(help="of the schedule")]


class _ConfigOrCommand(TyperGroup):
    """Take `schedule CONFIG --cron ...`, too: a first word that is not a command is the config."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = ["--config", *args]
        return super().parse_args(ctx, args)


commands = typer.Typer(cls=_ConfigOrCommand, rich_markup_mode=None)


@commands.callback(invoke_without_command=True)
def _set(
    context: typer.Context,
    cron: Annotated[
        str | None, typer.Option(help="second minute hour day month weekday, UTC: '0 0 2 * * *'")
    ] = None,
    name: Annotated[str | None, typer.Option(help="default: the pipeline's")] = None,
    enabled: Annotated[
        bool | None,
        typer.Option("--enabled/--paused", help="default: as it was; new: enabled"),
    ] = None,
    config: Config = None,
    package: Compiled = None,
    settings: Settings = None,
    host: Host = None,
    namespace: Namespace = None,
) -> None:
    """Set, list, pause, resume and delete schedules on Kubeflow.

    To set one: schedule [CONFIG] --cron '0 0 2 * * *', here for every night at 2 UTC. Runs do not
    overlap, and missed runs are not caught up. The same command again changes nothing; with another
    cron, config or setting it updates the schedule of that name.
    """
    context.obj = (config, host, namespace)
    if context.invoked_subcommand is not None:
        return
    with one_sentence(AGAIN):
        from kubeflow.schedules.cron import parse
        from schema.errors import InputError

        if cron is None:
            raise InputError(
                "--cron is missing, e.g. --cron '0 0 2 * * *' for every night at 2 UTC"
            )
        when = parse(cron)
        file = config or HERE
        kubeflow, server = connected(file, host, namespace)
        from diptych.cli.kubeflow.schedule_table import comes_next
        from kubeflow.client import run_arguments
        from kubeflow.schedules import replace

        compiled = compiled_package(file, package)
        given = run_arguments.settings(compiled, settings or [])
        if message := replace.account_warning(server, kubeflow):
            tell(f"  warning: {message}")
        called = name or compiled.name
        outcome, on = replace.schedule(
            server, kubeflow, compiled, when, called, given, enabled, tell
        )
        tell(f"schedule {called}: {outcome}, {when.text}" + ("" if on else " (paused)"))
        tell(f"  {'next' if on else 'would be next'}, in UTC: {', '.join(comes_next(when, 3))}")


@commands.command("list")
def list_schedules(
    context: typer.Context, config: Config = None, host: Host = None, namespace: Namespace = None
) -> None:
    """List the schedules, their next runs and how their last runs ended."""
    with one_sentence():
        server = _server(context, config, host, namespace)
        from diptych.cli.kubeflow.schedule_table import table

        for line in table(server):
            tell(line)


@commands.command()
def pause(
    context: typer.Context,
    name: Name,
    config: Config = None,
    host: Host = None,
    namespace: Namespace = None,
) -> None:
    """Start no more runs of a schedule; a run in progress continues."""
    with one_sentence(AGAIN):
        server = _server(context, config, host, namespace)
        from kubeflow.schedules import recurring_runs

        changed = recurring_runs.pause(server, name, tell)
        tell(f"schedule {name}: {'paused' if changed else 'is paused already'}")


@commands.command()
def resume(
    context: typer.Context,
    name: Name,
    config: Config = None,
    host: Host = None,
    namespace: Namespace = None,
) -> None:
    """Start runs of a paused schedule again.

    If a run was missed meanwhile, Kubeflow starts one at once.
    """
    with one_sentence(AGAIN):
        server = _server(context, config, host, namespace)
        from kubeflow.schedules import recurring_runs

        changed = recurring_runs.resume(server, name, tell)
        tell(f"schedule {name}: {'resumed' if changed else 'is not paused'}")


@commands.command()
def delete(
    context: typer.Context,
    name: Name,
    config: Config = None,
    host: Host = None,
    namespace: Namespace = None,
) -> None:
    """Delete a schedule; its runs stay."""
    with one_sentence(AGAIN):
        server = _server(context, config, host, namespace)
        from kubeflow.schedules import recurring_runs

        there = recurring_runs.delete(server, name)
        tell(f"schedule {name}: {'deleted' if there else 'there is none of this name'}")


def _server(
    context: typer.Context, config: Path | None, host: str | None, namespace: str | None
) -> "Server":
    """Connect to the server; the options may stand before the command or after it."""
    before: tuple[Any, ...] = context.obj or (None, None, None)
    given = (config or before[0] or HERE, host or before[1], namespace or before[2])
    return connected(*given)[1]
