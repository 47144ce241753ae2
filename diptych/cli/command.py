"""Share what all commands need: options, exit codes, and errors as one sentence.

Every command imports what it needs inside its function, so that `diptych --help` answers at once.
"""

import contextlib
import importlib.util
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from pipeline.console.terminal import complain

NAME = "diptych"
FAILED, BAD_CONFIG, REFUSED, INTERRUPTED = 1, 2, 3, 130

# `readable=False`, because Typer words that fault in its own way and prints the usage above it; our
# sentence comes when the file is read.
ConfigArgument = Annotated[
    Path, typer.Argument(help="the YAML file that describes the run", readable=False)
]
ConfigFile = Annotated[
    Path,
    typer.Option("--config", "-c", help="the YAML file that describes the run", readable=False),
]


def keys_to_set(incomplete: str) -> list[str]:
    """Return the keys of a config that complete a word, one level of sections at a time.

    'trai' is completed to 'training.', and 'training.ep' to 'training.epochs='.
    """
    from pipeline.config.reference import entries

    paths = [entry.path.split(".") for entry in entries()]
    depth = incomplete.count(".") + 1
    whole = {".".join(path) for path in paths if len(path) == depth}
    sections = {".".join(path[:depth]) for path in paths if len(path) > depth}
    keys = sorted(key for key in whole | sections if key.startswith(incomplete))
    return [f"{key}." if key in sections else f"{key}=" for key in keys]


GivenValues = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY=VALUE",
        help="values in place of the file's, such as training.epochs=3",
        autocompletion=keys_to_set,
    ),
]
PrintConfig = Annotated[
    bool,
    typer.Option("--print-config", help="print the whole config, defaults included, and exit"),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="print each event as a line of JSON, and nothing else")
]
OnCluster = Annotated[
    bool,
    typer.Option("--on-cluster", help="use the releases that the section kubeflow names"),
]
Wait = Annotated[
    bool, typer.Option("--wait", help="wait while another command works in the workspace")
]
HERE = Path("config.yaml")

# What a command prints after 'stopped; ' when SIGINT or SIGTERM ends it.
UNCHANGED = "nothing was changed"
AGAIN = "the same command again finishes it"
RERUN = "a rerun continues after the last finished node"
SEE_RELEASES = "`diptych releases` shows which release serves"


def print_config(file: Path, given: Sequence[str]) -> None:
    """Print a config as it is used, in YAML: with all defaults, and with paths made absolute.

    References to secrets stay references.

    Args:
        file: the config.
        given: texts like 'training.epochs=3', whose values replace those of the file.

    Raises:
        ConfigError: the config cannot be used.
    """
    from pipeline.config.run_config import load
    from pipeline.console.terminal import tell_yaml

    tell_yaml(load(file, given=given).model_dump(mode="json"))


def need_pipeline() -> None:
    """Check that what `diptych[pipeline]` installs is there, before anything begins.

    Raises:
        ModuleNotFoundError: it is not; `one_sentence` says what to install.
    """
    if importlib.util.find_spec("tfx") is None:
        raise ModuleNotFoundError("No module named 'tfx'", name="tfx")


def command_line(*arguments: str) -> str:
    """Write a command of this program so that it can be copied into the shell.

    Where `diptych` is not in the PATH, it goes by the path that it was called by.
    """
    program = sys.argv[0] if Path(sys.argv[0]).name == NAME else NAME
    return shlex.join([NAME if shutil.which(NAME) else program, *arguments])


def extra_of(package: str) -> str:
    """Return the smallest extra of Diptych that installs a package by name."""
    from importlib.metadata import requires

    from packaging.requirements import Requirement

    named = package.replace("_", "-").lower()
    for line in requires("diptych") or ():
        requirement = Requirement(line)
        for extra in ("client", "search"):
            is_of_it = requirement.marker is not None and requirement.marker.evaluate(
                {"extra": extra}
            )
            if is_of_it and requirement.name.lower() == named:
                return extra
    return "pipeline"


@contextlib.contextmanager
def one_sentence(go_on: str | Callable[[], str] = UNCHANGED) -> Iterator[None]:
    """End a command in one sentence and an exit code when anything foreseen goes wrong.

    Args:
        go_on: what `stopping.stoppable` prints when SIGINT or SIGTERM ends the command.

    Raises:
        typer.Exit: with the code of the failure.
    """
    from pipeline.process.stopping import stoppable

    try:
        with stoppable(go_on):  # before the imports below: they take their time
            yield
    except KeyboardInterrupt:
        complain(f"stopped; {go_on if isinstance(go_on, str) else go_on()}")
        raise typer.Exit(INTERRUPTED) from None
    except (typer.Exit, BrokenPipeError):  # the latter: `head` has read enough
        raise
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and importlib.util.find_spec("tfx") is None:
            package = (error.name or "").partition(".")[0]
            complain(
                f"this command needs {package}, which is not installed; install "
                f"diptych[{extra_of(package)}]"
            )
            raise typer.Exit(FAILED) from None
        from schema.errors import ConfigError, InputError, RunFailedError
        from schema.system import file_errors

        if not isinstance(error, InputError | RunFailedError):
            # Any command may meet a file that it may not read or a disk that is full.
            sentence = file_errors.sentence(error)
            if sentence is None:
                raise
            complain(sentence)
            raise typer.Exit(FAILED) from None
        complain(*(error.sentences if isinstance(error, InputError) else [str(error)]))
        raise typer.Exit(BAD_CONFIG if isinstance(error, ConfigError) else FAILED) from None
    except SystemExit as error:  # of a library: no command of ours ends this way
        complain(f"a library ended the process before the command was done (exit {error.code})")
        raise typer.Exit(FAILED) from None
