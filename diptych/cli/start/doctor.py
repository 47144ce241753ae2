"""`diptych doctor`: what is installed, and what is missing for which command."""

from pathlib import Path
from typing import Annotated

import typer

from diptych.cli.command import FAILED, one_sentence


def doctor_command(
    as_json: Annotated[bool, typer.Option("--json", help="print what was found as JSON")] = False,
) -> None:
    """Say what is missing on this machine, for which command.

    Exit codes: 0 a run can work here, 1 it cannot.
    """
    with one_sentence():
        runs = doctor(as_json)
    raise typer.Exit(0 if runs else FAILED)


def doctor(as_json: bool) -> bool:
    """Print what this machine has and lacks.

    Args:
        as_json: as JSON and nothing else.

    Returns:
        Whether `diptych run` can work here.
    """
    import dataclasses
    from importlib.metadata import version

    from diptych.machine import diagnosis
    from diptych.machine.hardware import measure
    from pipeline.console.terminal import make_console, say, tell_json

    findings = diagnosis.diagnose(measure(), Path.cwd())
    runs = diagnosis.can_run(findings)
    if as_json:
        entries = [dataclasses.asdict(finding) for finding in findings]
        tell_json({"diptych": version("diptych"), "can_run": runs, "findings": entries})
        return runs
    console = make_console()
    say(console, f"diptych {version('diptych')}", "bold")
    signs = {diagnosis.OK: ("✓", ""), diagnosis.MISSING: ("✗", "red")}
    for finding in findings:
        sign, style = signs.get(finding.state, ("-", "yellow"))
        say(console, f"{sign} {finding.what}: {finding.detail}", style)
        if finding.remedy:
            say(console, f"    for {finding.needed_by}: {finding.remedy}", "dim")
    say(
        console, "`diptych run` can work here" if runs else "`diptych run` cannot work here", "bold"
    )
    return runs
