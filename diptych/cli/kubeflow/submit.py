"""`diptych kubeflow submit`, and what it shares with the commands of schedules.

Heavy imports happen inside of commands, so that `--help` answers at once.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from diptych.cli.commands import AGAIN, FAILED, HERE, one_sentence
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
    typer.Option(help="a compiled file, instead of compiling the config", readable=False),
]
Host = Annotated[str | None, typer.Option(help="of the Kubeflow Pipelines API")]
Namespace = Annotated[
    str | None, typer.Option(help="of the runs, where Kubeflow has several users")
]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="name=value; a parameter of the run")
]


def submit(
    config: Annotated[
        Path | None, typer.Argument(help="the YAML file that describes the run", readable=False)
    ] = None,
    config_option: Config = None,
    package: Compiled = None,
    settings: Settings = None,
    wait: Annotated[bool, typer.Option(help="stay until the run has ended")] = False,
    host: Host = None,
    namespace: Namespace = None,
) -> None:
    """Run the pipeline on Kubeflow now.

    Exit codes: 0 it is started or, with --wait, has succeeded; 1 it failed; 2 the config is bad.
    """
    words = [AGAIN]
    with one_sentence(lambda: words[-1]):
        file = config or config_option or HERE
        kubeflow, server = connected(file, host, namespace)
        from kubeflow.client import submit as submission
        from kubeflow.client.run_arguments import settings as read

        compiled = compiled_package(file, package)
        run = submission.submit(server, kubeflow, compiled, read(compiled, settings or []), tell)
        words.append("the run goes on")
        if wait and not submission.wait(server, compiled, kubeflow.namespace, run, tell):
            raise typer.Exit(FAILED)


def connected(
    file: Path, host: str | None, namespace: str | None
) -> "tuple[KubeflowConfig, Server]":
    """The section `kubeflow` of a config, and the server it names or the options name."""
    from pipeline.config.run_config import ConfigError, load

    kubeflow = load(file).kubeflow
    if kubeflow is None:
        raise ConfigError(f"{file}: has no section kubeflow, which says where to run")
    from kubeflow.client.connection import connect

    return kubeflow, connect(kubeflow, host, namespace)


def compiled_package(file: Path, compiled: Path | None) -> "Package":
    """What is to run: a compiled file, or the config compiled now."""
    from kubeflow.compiler.package import parse, read

    if compiled is not None:
        return read(compiled)
    from kubeflow.compiler.findings import print_findings
    from kubeflow.compiler.package_writer import compile_with_log
    from pipeline.config.load_to_train import load_to_compile

    package_text, _ = compile_with_log(load_to_compile(file), "kubeflow")
    print_findings(package_text.findings)
    return parse(package_text.text, str(file))
