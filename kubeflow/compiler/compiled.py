"""Compile without TFX's noise on the terminal, and say how long our own part took."""

import time
from typing import TYPE_CHECKING

from kubeflow.compiler.check_config import check_config
from kubeflow.compiler.findings import Finding, refuse
from kubeflow.compiler.platforms import Platform
from pipeline.config.run_config import RunConfig
from pipeline.local.run_logs import logs_of
from pipeline.local.session import output_logged

if TYPE_CHECKING:
    from kubeflow.compiler.package_writer import Compiled


def compiled(config: RunConfig, platform: Platform) -> "tuple[Compiled, float]":
    """Compile a config; what TFX has to say goes to a log in the workspace.

    Returns:
        The package, and the seconds that compiling took once TFX was imported.

    Raises:
        ObstacleError: the platform could not run it.
    """
    refuse(check_config(config, platform))  # half a minute earlier than TFX could say it
    with output_logged(logs_of(config) / "kubeflow-compile.log"):
        from kubeflow.compiler.package_writer import compile_package

        started = time.monotonic()
        package = compile_package(config, platform)
        return package, time.monotonic() - started


def examined(config: RunConfig, platform: Platform) -> list[Finding]:
    """Every obstacle and warning, found by compiling as far as that goes."""
    with output_logged(logs_of(config) / "kubeflow-compile.log"):
        from kubeflow.compiler.package_writer import examine

        return examine(config, platform)[1]
