"""`diptych kubeflow compile` and `check`."""

import time
from pathlib import Path
from typing import Annotated

import typer

from diptych.cli.commands import FAILED, one_sentence
from kubeflow.compiler.platforms import Platform
from pipeline.console.terminal import tell

Config = Annotated[
    Path, typer.Argument(help="the YAML file that describes the run", readable=False)
]
On = Annotated[Platform, typer.Option(help="where the package is to run")]


def compile_(
    config: Config,
    platform: On = "kubeflow",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="the file; default: NAME-PLATFORM.yaml", readable=False
        ),
    ] = None,
) -> None:
    """Compile a config into a package: one file that Kubeflow or Vertex AI runs.

    Exit codes: 0 written, 1 the platform could not run it, 2 the config is bad.
    """
    from pipeline.config.load_to_train import load_to_compile

    with one_sentence():
        started = time.monotonic()
        loaded = load_to_compile(config)
        from kubeflow.compiler.findings import print_findings
        from kubeflow.compiler.package_writer import compile_with_log

        package, seconds = compile_with_log(loaded, platform)
        file = output or Path(f"{loaded.name}-{platform}.yaml")
        file.write_text(package.text, encoding="utf-8")
        print_findings(package.findings)
        took = time.monotonic() - started
        tell(f"{file}: for {platform}, in {took:.0f} s, of which compiling took {seconds:.1f} s")


def check(config: Config, platform: On = "kubeflow") -> None:
    """List every obstacle between this config and a platform, with the node and the remedy.

    Exit codes: 0 no obstacle, 1 there are some, 2 the config is bad.
    """
    from pipeline.config.load_to_train import load_to_compile

    with one_sentence():
        loaded = load_to_compile(config)
        from kubeflow.compiler.findings import print_findings
        from kubeflow.compiler.package_writer import examine_with_log

        findings = examine_with_log(loaded, platform)
        print_findings(findings)
        if any(each.level == "obstacle" for each in findings):
            raise typer.Exit(FAILED)
        tell(f"{config}: nothing stands in the way on {platform}")
