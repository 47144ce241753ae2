"""A page of the documentation as a test takes it apart: what its code blocks and tables hold."""

import dataclasses
import re
from typing import Any

import yaml

Files = dict[str, str]  # what a page shows of a file, by its name


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of the page under a heading of its own."""

    files: Files
    configs: list[dict[str, Any]]  # what its YAML holds
    tables: list[dict[str, str]]  # second cells by what is in code in the first ones


def _files(block: str) -> Files:
    """`name, name   what is in them` a line; one that is indented goes on with that."""
    found: Files = {}
    names: list[str] = []
    for line in block.splitlines():
        head, _, rest = line.partition("  ")
        if head:
            names = head.split(", ")
        for name in names:
            found[name] = f"{found[name]}\n{rest.strip()}" if name in found else rest.strip()
    return found


def _table(text: str) -> dict[str, str]:
    return dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", text, re.MULTILINE))


def sections(page: str) -> dict[str, Section]:
    """The parts of a page of Markdown, by their headings."""
    found = {}
    for part in re.split(r"^##+ ", page, flags=re.MULTILINE)[1:]:
        title, _, body = part.partition("\n")
        blocks = re.findall(r"^```(\w*)\n(.*?)^```$", body, re.MULTILINE | re.DOTALL)
        shown = [_files(text) for language, text in blocks if not language]
        configs = [yaml.safe_load(text) for language, text in blocks if language == "yaml"]
        tables = [each for each in map(_table, body.split("\n\n")) if each]
        found[title] = Section(shown[0] if shown else {}, configs, tables)
    return found
