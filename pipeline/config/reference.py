"""Write the reference of all keys of the config: `python -m pipeline.config.reference [--check]`.

`docs/config.md` is for people, and `docs/config.schema.json` for editors. Both are made from the
models, so that a key is described where it is defined. What a plugin registers is not in them;
`diptych keys` shows that, too. `--check` writes nothing and fails if a file is out of date.
"""

import dataclasses
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.config.run_config import RunConfig
from pipeline.console.terminal import tell
from schema.config.section import LARGEST_INT

DOCS = Path(__file__).resolve().parents[2] / "docs"
MARKDOWN, SCHEMA = DOCS / "config.md", DOCS / "config.schema.json"
HEAD = """\
# The config

Every key of a config file, made from the code by `python -m pipeline.config.reference`. A path is
relative to the config file. A section whose keys all have defaults may be left out; an unknown key
is an error. With `# yaml-language-server: $schema=` and the path of
[config.schema.json](config.schema.json) in the first line of a config, editors complete and check
the keys.
"""
TABLE = ("| key | value | default | meaning |", "|---|---|---|---|")
_NAMES = {
    "string": "text",
    "number": "number",
    "integer": "whole number",
    "boolean": "true or false",
}
_LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
}

Schema = Mapping[str, Any]


def schema_text() -> str:
    """Return the JSON Schema of a config file."""
    schema = _without_titles(RunConfig.model_json_schema(by_alias=True))
    return json.dumps({"title": "A config of Diptych", **schema}, indent=1) + "\n"


def markdown() -> str:
    """Return the reference as a Markdown page: a table for each section."""
    return "\n".join([HEAD, *_Page(json.loads(schema_text())).lines()]).rstrip() + "\n"


@dataclasses.dataclass(frozen=True)
class Entry:
    """What the reference says of a key."""

    path: str
    """The key with the sections that it is in, such as 'loss.margin'."""
    kind: str
    """The values of other keys that it belongs to, such as 'name: hinge'; may be empty."""
    value: str
    """What may stand there."""
    default: str
    """As Markdown; empty: none."""
    meaning: str


def entries() -> list[Entry]:
    """Return all keys, those of imported plugins among them."""
    page = _Page(json.loads(schema_text()))
    for _ in page.lines():
        pass
    return page.entries


class _Page:
    """The lines of the page; a section that several keys share is written once.

    Args:
        schema: of the whole config.
    """

    def __init__(self, schema: Schema):
        self._schema = schema
        self._written: dict[str, str] = {}  # the key where a section was written, by its name
        self._kind = ""  # of the section that is being written
        self.entries: list[Entry] = []

    def lines(self) -> Iterator[str]:
        yield from self._section("", self._schema)

    def _section(self, path: str, section: Schema) -> Iterator[str]:
        """The table of a section, then the sections below it."""
        below: list[tuple[str, Schema]] = []
        yield from TABLE
        for key, value in section["properties"].items():
            where = f"{path}.{key}" if path else key
            yield self._row(key, where, value, key in section.get("required", ()))
            below += [(where, value)] if self._sections(value) else []
        yield ""
        for where, value in below:
            yield from self._sections_at(where, value)

    def _sections_at(self, path: str, value: Schema) -> Iterator[str]:
        """What a key holds: one section, or one of several."""
        names = self._sections(value)
        new = [name for name in names if name not in self._written]
        if new:
            yield f"## {path}\n"
        for name in new:
            section = self._schema["$defs"][name]
            self._written[name] = path
            if len(names) > 1:
                chosen = section["properties"][_discriminator(value)]["const"]
                self._kind = f"{_discriminator(value)}: {chosen}"
                yield f"### {path} with `{self._kind}`\n"
            yield f"{_line(section.get('description', ''))}\n"
            yield from self._section(path, section)
            self._kind = ""

    def _row(self, key: str, path: str, value: Schema, required: bool) -> str:
        cells = (
            f"`{key}`",
            self._type(value, path),
            "required" if required else self._default(value),
            _line(value.get("description") or self._description(value)),
        )
        self.entries.append(Entry(path, self._kind, *cells[1:]))
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"

    def _description(self, value: Schema) -> str:
        """That of the one section that a key holds; pydantic leaves out a key's that equals it."""
        names = self._sections(value)
        return self._schema["$defs"][names[0]].get("description", "") if len(names) == 1 else ""

    def _default(self, value: Schema) -> str:
        default = value.get("default")
        if default is None:
            return ""
        if self._sections(value):
            chosen = default.get("name") or default.get("kind") or default.get("runner")
            return f"`{chosen}`" if chosen else "its defaults"
        return f"`{json.dumps(default, ensure_ascii=False)}`"

    def _type(self, value: Schema, path: str) -> str:  # noqa: PLR0911  a kind of value each
        """What may stand there, in words."""
        if names := self._sections(value):
            if value.get("type") == "array":
                return "list of sections"
            if "additionalProperties" in value:
                return "section for each name"
            written = {self._written[name] for name in names if name in self._written}
            return (
                f"section, as [{min(written)}](#{_anchor(min(written))})"
                if written
                else (f"[section](#{_anchor(path)})")
            )
        if "anyOf" in value or "oneOf" in value:
            parts = [
                entry
                for entry in value.get("anyOf") or value["oneOf"]
                if entry.get("type") != "null"
            ]
            return " or ".join(dict.fromkeys(self._type(part, path) for part in parts))
        if "enum" in value:
            return ", ".join(f"`{entry}`" for entry in value["enum"])
        if "const" in value:
            return f"`{value['const']}`"
        if value.get("type") == "array":
            items = value.get("items")
            return f"list of: {self._type(items, path)}" if items else "list"
        if value.get("type") == "object":
            inner = value.get("additionalProperties")
            return f"mapping to: {self._type(inner, path)}" if inner else "mapping"
        limits = [
            text.format(value[limit])
            for limit, text in _LIMITS.items()
            if limit in value and value[limit] != LARGEST_INT
        ]
        return ", ".join([_NAMES.get(value.get("type", ""), "any value"), *limits])

    def _sections(self, value: Any) -> list[str]:
        """The names of the sections that a key may hold, in a list or a mapping, too."""
        if not isinstance(value, Mapping):
            return []
        if "$ref" in value:
            name = value["$ref"].rpartition("/")[2]
            return [name] if "properties" in self._schema["$defs"][name] else []
        parts = [*value.get("anyOf", ()), *value.get("oneOf", ())]
        parts += [value.get("items"), value.get("additionalProperties")]
        return list(dict.fromkeys(name for part in parts for name in self._sections(part)))


def _discriminator(value: Schema) -> str:
    """The key that chooses one of several sections."""
    choices = (value, *value.get("anyOf", ()))
    return next(
        entry["discriminator"]["propertyName"] for entry in choices if "discriminator" in entry
    )


def _anchor(path: str) -> str:
    """How GitHub links to a heading."""
    return path.replace(".", "").lower()


def _line(text: str) -> str:
    return " ".join(text.split())


def _without_titles(value: Any) -> Any:
    """The same without the titles that pydantic makes of names."""
    if isinstance(value, dict):
        return {
            key: _without_titles(entry)
            for key, entry in value.items()
            if not (key == "title" and isinstance(entry, str))
        }
    return [_without_titles(entry) for entry in value] if isinstance(value, list) else value


def main() -> int:
    """Write both files, or compare them with `--check`; return the exit code."""
    if unknown := set(sys.argv[1:]) - {"--check"}:
        tell(f"{min(unknown)} is not an option; the only one is --check")
        return 2
    files = {MARKDOWN: markdown(), SCHEMA: schema_text()}
    if "--check" in sys.argv:
        stale = [file for file, text in files.items() if file.read_text(encoding="utf-8") != text]
        for file in stale:
            tell(f"{file.name} is out of date: run `python -m pipeline.config.reference`")
        return 1 if stale else 0
    for file, text in files.items():
        file.write_text(text, encoding="utf-8")
        tell(f"wrote {file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
