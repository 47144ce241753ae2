r"""Print to the terminal, where text from elsewhere can neither pass for ours nor control it.

No other file prints. Each call prints one sentence; a line break inside of it came with somebody
else's text, so it is shown as `\n`; other control characters likewise, and secrets are hidden.
"""

import json
import re
import shutil
import sys
import textwrap
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from schema.system.log_records import block
from schema.text.secrets import without_secrets
from schema.text.untrusted_text import escaped, for_people

if TYPE_CHECKING:
    from pipeline.console.rich_console import Console

_SURROGATE = re.compile("[\ud800-\udfff]")


def make_console(
    file: TextIO | None = None, live: bool | None = None, width: int | None = None
) -> "Console":
    """Make a console that prints text as it is: `[new]` may be a folder and is not markup.

    Args:
        file: where it prints; default: standard output.
        live: whether that is a terminal; default: ask it.
        width: columns; default: the terminal's.
    """
    from pipeline.console.rich_console import (
        Console,  # Rich, which takes longer to import than most answers
    )

    return Console(file=file, force_terminal=live, width=width)


def say(console: "Console", text: str, style: str = "") -> None:
    """Print a sentence: wrapped at words on a terminal, in one line elsewhere."""
    width = console.width if console.is_terminal else None
    for line in lines(for_people(text), width):
        console.print(line, style=style, soft_wrap=True)


def tell(text: str, file: TextIO | None = None) -> None:
    """Print a line and flush it, since the next one may take a minute.

    Args:
        text: one line.
        file: where it is printed; default: standard output.
    """
    print(for_people(text), file=file, flush=True)


def tell_json(value: Any) -> None:
    """Print a value as JSON, for a program."""
    # As JSON has them, control characters are visible; secrets are looked for in each text.
    print(json.dumps(_hidden(value), indent=1), flush=True)


def write_escapes(sequences: str) -> None:
    """Write escape sequences of our own making, such as those that draw a picture, and a break."""
    sys.stdout.write(f"{sequences}\n")
    sys.stdout.flush()


def tell_event(value: Any, file: TextIO) -> None:
    """Print a value as JSON in one line, and flush it, for a program that reads line by line."""
    print(json.dumps(_hidden(value)), file=file, flush=True)


def tell_yaml(value: Any) -> None:
    """Print a config as YAML, for a person and for a program.

    Secrets are not hidden, but refused when a config is read: it has references to them.
    """
    import yaml

    # Escapes what is not ASCII, so that nothing from elsewhere controls the terminal.
    print(yaml.safe_dump(value, sort_keys=False, width=100), end="", flush=True)


def complain(*sentences: str) -> None:
    """Print what went wrong to standard error, a line for each sentence."""
    width = shutil.get_terminal_size().columns if sys.stderr.isatty() else None
    for sentence in sentences:
        for line in lines(f"diptych: {for_people(sentence)}", width):
            print(line, file=sys.stderr)


def complain_of_mistake(
    kind: type[BaseException], error: BaseException, where: TracebackType | None
) -> None:
    """Print the traceback of an unexpected error; a `sys.excepthook`."""
    print(block("".join(traceback.format_exception(kind, error, where))), file=sys.stderr)


def lines(text: str, width: int | None) -> Iterator[str]:
    """Wrap a sentence into lines of some width; None: one line.

    A longer word, such as a path, stays whole, so that it can be copied.
    """
    if width is None or len(text) <= width:
        yield text
        return
    indent = " " * (len(text) - len(text.lstrip()) + 2)
    yield from textwrap.wrap(
        text,
        width,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    )


def _hidden(value: Any) -> Any:
    if isinstance(value, str):  # half a surrogate pair is no JSON, but may be in a file's name
        return _SURROGATE.sub(lambda found: escaped(found[0]), without_secrets(value))
    if isinstance(value, dict):
        return {_hidden(key): _hidden(inner) for key, inner in value.items()}
    return [_hidden(inner) for inner in value] if isinstance(value, list | tuple) else value
