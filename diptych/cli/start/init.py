"""`diptych init`: look at a folder of data and write a config that fits it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from diptych.cli.command import HERE, command_line, one_sentence


def init_command(
    data: Annotated[
        Path, typer.Argument(help="the folder with images and captions", readable=False)
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="the config to write", readable=False)
    ] = HERE,
    format: Annotated[
        str | None, typer.Option(help="as data.format; default: by the names of the files")
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option(help="as data.allow: where else images may be")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="replace a config that is there")] = False,
) -> None:
    """Look at a folder of data, and write a config that fits it.

    Reads a sample of the pairs. Comments in the config say why values were chosen; `diptych check`
    and `diptych run` take it as it stands.
    """
    with one_sentence():
        init(data, output, format, force, allow or [])


def init(
    data: Path,
    output: Path,
    format_name: str | None = None,
    force: bool = False,
    allow: Sequence[str] = (),
) -> None:
    """Write a config for a folder of data, and print what was found there.

    Args:
        data: the folder.
        output: the config.
        format_name: name of the reader; None: by the names of the files.
        force: replace the config if it is there.
        allow: where else files may be that the data name: folders, buckets, hosts.

    Raises:
        InputError: the config is there already, or there are no pairs that can be read.
        OSError: the config cannot be written.
    """
    from diptych.first_config.commented import commented, summary
    from diptych.first_config.plan import make_plan
    from diptych.machine.hardware import measure
    from pipeline.config.run_config import parse
    from pipeline.console.terminal import tell
    from schema.errors import InputError
    from schema.text import yaml_text

    if os.path.lexists(output) and not force:
        raise InputError(
            f"{output}: is there already; --force replaces it, --output names another file"
        )
    plan = make_plan(data, format_name, measure(), allow)
    text = commented(plan, output)
    [values] = yaml_text.load_all(text, str(output))
    parse(values, output)  # names that no config can have are refused before it is written
    with output.open("w" if force else "x", encoding="utf-8") as file:
        file.write(text)
    tell(f"{output}: {summary(plan)}")
    tell(f"recipe: {plan.recipe.name}")
    tell(f"next: {command_line('check', str(output))}")
    tell(f"then: {command_line('run', str(output))}")
