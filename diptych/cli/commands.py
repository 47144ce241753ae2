"""The `diptych` command. Heavy imports happen inside commands, so `--help` answers at once."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from pipeline.console.terminal import complain, tell

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # Rich would take longer to import than the whole answer takes
    pretty_exceptions_enable=False,
    help="Train an image tower and a text tower together, gate the pair, ship it, roll it back.",
)


@app.callback(invoke_without_command=True)
def version(
    shown: Annotated[bool, typer.Option("--version", help="print the version and end")] = False,
) -> None:
    """Handle the options that belong to no command, such as --version."""
    if shown:
        from importlib.metadata import version

        tell(f"diptych {version('diptych')}")
        raise typer.Exit()


FAILED, BAD_CONFIG, REFUSED, INTERRUPTED = 1, 2, 3, 130

# Whether a file can be read is found when it is read: `readable=True`, the default, has another
# wording, with the usage of the command above it.
ConfigFile = Annotated[
    Path,
    typer.Option("--config", "-c", help="the YAML file that describes the run", readable=False),
]
OnCluster = Annotated[
    bool, typer.Option("--on-cluster", help="the releases where the kubeflow section has them")
]
Wait = Annotated[
    bool, typer.Option("--wait", help="wait while another command works in the workspace")
]
HERE = Path("config.yaml")

# What a command says after 'stopped; ' when SIGINT or SIGTERM ends it.
UNCHANGED = "nothing was changed"
AGAIN = "the same command again finishes it"
RERUN = "a rerun continues after the last finished node"
LOOK = "`diptych releases` shows which release serves"


@contextlib.contextmanager
def one_sentence(go_on: str | Callable[[], str] = UNCHANGED) -> Iterator[None]:
    """End in one sentence and an exit code whatever goes wrong, never in a traceback.

    Args:
        go_on: as of `stopping.stoppable`, for SIGINT and SIGTERM.
    """
    from pipeline.process.stopping import stoppable

    try:
        with stoppable(go_on):  # before the imports below: they take their time
            yield
    except KeyboardInterrupt:
        complain(f"stopped; {go_on if isinstance(go_on, str) else go_on()}")
        raise typer.Exit(INTERRUPTED) from None
    except typer.Exit:
        raise
    except Exception as error:
        from pipeline.config.run_config import ConfigError
        from pipeline.local.session import RunFailedError
        from schema.errors import InputError
        from schema.system import file_errors

        if not isinstance(error, InputError | RunFailedError):
            # Any command may meet a file that it may not read or a disk that is full.
            about_a_file = file_errors.sentence(error)
            if about_a_file is None:
                raise
            complain(about_a_file)
            raise typer.Exit(FAILED) from None
        complain(*(error.sentences if isinstance(error, InputError) else [str(error)]))
        raise typer.Exit(BAD_CONFIG if isinstance(error, ConfigError) else FAILED) from None
    except SystemExit as error:  # of a library: no command of ours ends this way
        complain(f"a library ended the process before the command was done (exit {error.code})")
        raise typer.Exit(FAILED) from None


@app.command()
def run(
    config: Annotated[
        Path, typer.Argument(help="the YAML file that describes the run", readable=False)
    ],
    fresh: Annotated[bool, typer.Option(help="run every node, whatever the cache holds")] = False,
    wait: Wait = False,
) -> None:
    """Run the pipeline on this machine.

    Exit codes: 0 the model serves, 1 the run failed, 2 the config is bad, 3 a gate refused it,
    130 Ctrl-C, 143 SIGTERM.
    """
    with one_sentence(RERUN):
        from diptych.cli import run as run_locally
        from pipeline.config.load_to_train import load_to_train

        summary = run_locally.run(load_to_train(config), not fresh, wait)
    raise typer.Exit(0 if summary.shipped else REFUSED)


@app.command()
def check(
    config: Annotated[
        Path, typer.Argument(help="the YAML file that describes the run", readable=False)
    ],
    wait: Wait = False,
) -> None:
    """Look at the data without training: what is read, left out, anomalous, and why."""
    with one_sentence(RERUN):
        from diptych.cli.check import check as look
        from pipeline.config.load_to_train import load_to_train

        look(load_to_train(config), wait)


@app.command()
def clean(
    config: ConfigFile = HERE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would go")] = False,
    wait: Wait = False,
) -> None:
    """Remove what no rerun needs from the workspace: half and outdated artifacts, scratch folders.

    Releases are not touched, nor logs, nor checkpoints that a rerun goes on from.
    """
    with one_sentence(AGAIN):
        from diptych.cli.clean import clean as remove
        from pipeline.config.run_config import load

        remove(load(config), dry_run, wait)


@app.command()
def evaluate(
    release: Annotated[str, typer.Argument(help="its number, or its folder")],
    data: Annotated[
        Path, typer.Argument(help="a folder of shards or of images, or one file", readable=False)
    ],
    config: ConfigFile = HERE,
    files: Annotated[
        str | None, typer.Option(help="which files of the folder; default: by their names")
    ] = None,
    format: Annotated[
        str | None, typer.Option(help="as data.format; default: by the names, or the release's")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="write all metrics here, as JSON", readable=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print all metrics as JSON")] = False,
) -> None:
    """Measure a release on other data: its metrics, slices and intervals."""
    with one_sentence():
        from diptych.cli.evaluate import evaluate as measure

        measure(release, data, files, format, config, output, as_json)


_releases = typer.Typer(help="List the releases, newest first, and say which one serves.")
app.add_typer(_releases, name="releases", invoke_without_command=True)


@_releases.callback()
def releases(
    context: typer.Context,
    config: ConfigFile = HERE,
    on_cluster: OnCluster = False,
    every: Annotated[bool, typer.Option("--all", help="not only the newest 20")] = False,
) -> None:
    """List the releases, newest first, and say which one serves; compare every file."""
    if context.invoked_subcommand is not None:
        return
    with one_sentence():
        from diptych.cli import releases as release_commands
        from pipeline.config.run_config import load

        release_commands.show(load(config, on_cluster), every)


@_releases.command("rebuild-registry")
def rebuild_registry(config: ConfigFile = HERE, on_cluster: OnCluster = False) -> None:
    """Record the releases in MLflow again, where its database was lost, restored or edited."""
    with one_sentence(AGAIN):
        from diptych.cli import releases as release_commands
        from pipeline.config.run_config import load

        release_commands.rebuild_registry(load(config, on_cluster))


@_releases.command()
def repair(config: ConfigFile = HERE, on_cluster: OnCluster = False) -> None:
    """Have an audit log that is damaged or gone agree with what serves."""
    with one_sentence(AGAIN):
        from diptych.cli import releases as release_commands
        from pipeline.config.run_config import load

        release_commands.repair(load(config, on_cluster))


@app.command()
def promote(
    number: Annotated[int, typer.Argument(help="the release")],
    config: ConfigFile = HERE,
    on_cluster: OnCluster = False,
    force: Annotated[bool, typer.Option(help="against its gates; needs --reason")] = False,
    reason: Annotated[str, typer.Option(help="kept in the audit log")] = "",
) -> None:
    """Make a release the champion.

    Exit codes: 0 it serves now, 1 it cannot be served, 3 its gates refuse it.
    """
    with one_sentence(LOOK):
        from components.release.gates import RefusedError
        from diptych.cli import releases as release_commands
        from pipeline.config.run_config import load

        try:
            release_commands.promote(load(config, on_cluster), number, force, reason)
        except RefusedError as error:
            complain(f"not promoted: {error}")
            complain(f'`diptych promote {number} --force --reason "..."` does it nonetheless')
            raise typer.Exit(REFUSED) from None


@app.command()
def rollback(
    config: ConfigFile = HERE,
    on_cluster: OnCluster = False,
    reason: Annotated[str, typer.Option(help="kept in the audit log")] = "",
) -> None:
    """Return to the champion before this one."""
    with one_sentence(LOOK):
        from diptych.cli import releases as release_commands
        from pipeline.config.run_config import load

        release_commands.rollback(load(config, on_cluster), reason)


@app.command()
def why(
    what: Annotated[
        str | None, typer.Argument(help="a release's number, or a run; default: the last run")
    ] = None,
    config: ConfigFile = HERE,
    on_cluster: OnCluster = False,
) -> None:
    """Say why a model was promoted or not: one sentence for each gate."""
    with one_sentence():
        from diptych.cli import why as verdict
        from pipeline.config.run_config import load

        if on_cluster and what is None:
            verdict.why_newest(load(config, on_cluster))
        else:
            verdict.why(load(config, on_cluster), what)
