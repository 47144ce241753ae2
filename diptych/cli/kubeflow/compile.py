"""`diptych kubeflow compile` and `diptych kubeflow check`."""

import time
from pathlib import Path
from typing import Annotated

import typer

from diptych.cli.command import FAILED, ConfigArgument, GivenValues, one_sentence
from kubeflow.compiler.platforms import Platform
from pipeline.console.terminal import tell

On = Annotated[Platform, typer.Option(help="where the package is to run")]


def compile_command(
    config: ConfigArgument,
    given: GivenValues = None,
    platform: On = "kubeflow",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="the file; default: NAME-PLATFORM.yaml", readable=False
        ),
    ] = None,
) -> None:
    """Compile a config into one file, the package.

    Open-source Kubeflow or Vertex AI runs it, as --platform says. Values that are given become part
    of the package.

    Exit codes: 0 written, 1 the platform could not run it, 2 the config is bad.
    """
    from pipeline.config.load_to_train import load_to_compile

    with one_sentence():
        started = time.monotonic()
        loaded = load_to_compile(config, given or [])
        from kubeflow.compiler.findings import print_findings
        from kubeflow.compiler.package_writer import compile_with_log

        package, seconds = compile_with_log(loaded, platform)
        file = output or Path(f"{loaded.name}-{platform}.yaml")
        file.write_text(package.text, encoding="utf-8")
        print_findings(package.findings)
        took = time.monotonic() - started
        tell(f"{file}: for {platform}, in {took:.0f} s, of which compiling took {seconds:.1f} s")


def check_command(
    config: ConfigArgument, given: GivenValues = None, platform: On = "kubeflow"
) -> None:
    """List what keeps a config from running on a platform.

    Each line names the node, the problem and the remedy.

    Exit codes: 0 no obstacle, 1 at least one, 2 the config is bad.
    """
    from pipeline.config.load_to_train import load_to_compile

    with one_sentence():
        loaded = load_to_compile(config, given or [])
        from kubeflow.compiler.findings import print_findings
        from kubeflow.compiler.package_writer import examine_with_log

        findings = examine_with_log(loaded, platform)
        print_findings(findings)
        if any(finding.level == "obstacle" for finding in findings):
            raise typer.Exit(FAILED)
        tell(f"{config}: can run on {platform}")
