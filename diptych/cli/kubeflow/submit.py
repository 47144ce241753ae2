"""`diptych kubeflow submit`, and the options and steps that it shares with `schedule`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from diptych.cli.command import AGAIN, FAILED, HERE, one_sentence
from pipeline.console.terminal import tell

if TYPE_CHECKING:
    from kubeflow.client.connection import Server
    from kubeflow.compiler.package import Package
    from pipeline.config.kubeflow import KubeflowConfig

Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="the YAML file that describes the run", readable=False),
]
Compiled = Annotated[
    Path | None,
    typer.Option(help="run this compiled file instead of compiling the config", readable=False),
]
Host = Annotated[str | None, typer.Option(help="address of the Kubeflow Pipelines API")]
Namespace = Annotated[
    str | None, typer.Option(help="of the runs, where Kubeflow has several users")
]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="name=value: set a run parameter")
]


def submit_command(
    config: Annotated[
        Path | None, typer.Argument(help="the YAML file that describes the run", readable=False)
    ] = None,
    config_option: Config = None,
    package: Compiled = None,
    settings: Settings = None,
    wait: Annotated[bool, typer.Option(help="wait until the run has ended")] = False,
    host: Host = None,
    namespace: Namespace = None,
) -> None:
    """Start a run on Kubeflow now.

    Exit codes: 0 it started or, with --wait, succeeded; 1 it failed; 2 the config is bad.
    """
    advice = [AGAIN]
    with one_sentence(lambda: advice[-1]):
        file = config or config_option or HERE
        kubeflow, server = connected(file, host, namespace)
        from kubeflow.client import run_arguments
        from kubeflow.client import submit as submission

        compiled = compiled_package(file, package)
        run = submission.submit(
            server, kubeflow, compiled, run_arguments.settings(compiled, settings or []), tell
        )
        advice.append("the run goes on")
        if wait and not submission.wait(server, compiled, kubeflow.namespace, run, tell):
            raise typer.Exit(FAILED)


def connected(
    file: Path, host: str | None, namespace: str | None
) -> "tuple[KubeflowConfig, Server]":
    """Return the section `kubeflow` of a config, and a connection to the server.

    Args:
        file: the config.
        host: replaces the host that the config names.
        namespace: replaces the namespace that the config names.
    """
    from pipeline.config.run_config import load
    from schema.errors import ConfigError

    kubeflow = load(file).kubeflow
    if kubeflow is None:
        raise ConfigError(f"{file}: has no section kubeflow, which names the server and the image")
    from kubeflow.client.connection import connect

    return kubeflow, connect(kubeflow, host, namespace)


def compiled_package(file: Path, compiled: Path | None, given: Sequence[str] = ()) -> "Package":
    """Read a compiled file, or compile the config now where there is none.

    Args:
        file: of the config.
        compiled: the compiled file.
        given: texts like 'training.epochs=3' that replace values of the config.
    """
    from kubeflow.compiler.package import parse, read

    if compiled is not None:
        return read(compiled)
    from kubeflow.compiler.findings import print_findings
    from kubeflow.compiler.package_writer import compile_with_log
    from pipeline.config.load_to_train import load_to_compile

    package_text, _ = compile_with_log(load_to_compile(file, given), "kubeflow")
    print_findings(package_text.findings)
    return parse(package_text.text, str(file))
