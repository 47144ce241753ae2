"""What the documentation tells a reader to type: commands parse, configs validate, paths exist.

Python is executed by the tests that `EXECUTED` names; the configs of data.md and of extending.md
and the commands of start.md are run by tests of their own, too.
"""

import functools
import json
import re
import shlex
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from diptych.cli.main import app
from pipeline.config.run_config import RunConfig
from schema.text import yaml_text
from tests.support.paths import EMOJI, ROOT

PAGES = [
    ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]  # fmt: skip
GENERATED = ROOT / "docs" / "config.md"
NEEDS_ITS_PLUGIN = ROOT / "docs" / "extending.md"  # tests/integration/pipeline/test_extending.py
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^ {4}(\S.*(?:\n {4}.*)*)$", re.MULTILINE)
INLINE = re.compile(r"`([^`\n]+)`")
COMMAND = re.compile(
    r"(?:^|[\s|(])(?:\$ )?(?:\.venv/bin/)?(diptych|python|pytest|make) (?!-m venv)(.*)"
)
SNIPPETS = "integration/client/test_python_snippets.py"
EXECUTED = {  # the Python of a page, by a test
    "README.md": SNIPPETS,
    "docs/client.md": SNIPPETS,
    "docs/events.md": "unit/pipeline/local/test_event_stream.py",
    "docs/extending.md": "integration/pipeline/test_extending.py",
    "docs/portable.md": "integration/components/test_tower_converter.py",
    "docs/releases.md": SNIPPETS,
    "docs/training.md": "unit/trainer/losses/test_custom.py",
    "docs/tutorial.md": SNIPPETS,
}
PART_OF_KUBEFLOW = {"every_node", "nodes"}
OF_KUBERNETES = {"containers"}


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def shell_lines(text: str) -> Iterator[tuple[str, bool]]:
    """Every line of a page's shell blocks, and what stands as code within a sentence (True)."""
    blocks = [body for language, body in BLOCK.findall(text) if language in ("", "sh")]
    rest = BLOCK.sub("", text)
    blocks += INDENTED.findall(rest)
    for block in blocks:
        for line in re.sub(r"\\\n\s*", "", block).splitlines():
            yield line, False
    for code in INLINE.findall(INDENTED.sub("", rest)):
        yield code, True


def commands(text: str) -> Iterator[tuple[str, list[str], bool]]:
    """Every command on a page: its program, its words, and whether it is only mentioned."""
    for line, is_mentioned in shell_lines(text):
        command = COMMAND.search(line)
        if command is None:
            continue
        program, given = command.groups()
        words = shlex.split(given, comments=True)
        if program == "diptych" and not re.match(r"[a-z-]+$", words[0] if words else ""):
            continue  # what it prints: diptych 0.1.0
        cut = next((n for n, word in enumerate(words) if word in ("|", "&&", ">", ";")), None)
        yield program, words[:cut], is_mentioned


def parse(words: list[str]) -> None:
    """Parse a command line as `diptych` does, without running it."""
    command: Any = typer.main.get_command(app)
    context, called = None, "diptych"
    while True:
        context = command.make_context(called, list(words), parent=context)
        rest = [*getattr(context, "_protected_args", []), *context.args]
        if not hasattr(command, "resolve_command") or not rest:
            return
        called, command, words = command.resolve_command(context, rest)


def wrong_with(program: str, words: list[str]) -> str | None:
    """Why a command of a page cannot be given, or None."""
    absent = [w for w in words if w.startswith("examples/") and not (ROOT / w).exists()]
    if absent:
        return f"{absent[0]} is not there"
    if program == "make":
        return None if words[0] in targets() else f"make {words[0]}: no such target"
    if program == "pytest":
        files = [w for w in words if "/" in w]
        return None if all([*ROOT.glob(file)] for file in files) else f"{files}: not there"
    if program == "python":
        if words[0] == "-m":
            return None if exists(words[1]) else f"{words[1]}: no such module"
        return None
    try:
        parse([word.strip("[]") for word in words])
    except (typer.Exit, SystemExit):
        return None  # of --version and the like
    except Exception as error:
        return f"{type(error).__name__}: {getattr(error, 'message', None) or error}"
    return None


@functools.cache
def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def exists(module: str) -> bool:
    first = module.partition(".")[0]
    if (ROOT / first).is_dir():
        path = ROOT.joinpath(*module.split("."))
        return path.with_suffix(".py").exists() or (path / "__main__.py").exists()
    return find_spec(first) is not None


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_is_one_that_the_command_line_takes(page: Path):
    given = list(commands(page.read_text("utf-8")))
    wrong = {
        " ".join([program, *words]): why
        for program, words, is_mentioned in given
        if (why := wrong_with(program, words)) is not None
        and not (is_mentioned and why.startswith("MissingParameter"))
    }
    assert wrong == {}


def test_the_python_of_every_page_is_executed_by_a_test():
    texts = {name(page): page.read_text("utf-8") for page in PAGES}
    assert {page for page, text in texts.items() if "```python" in text} == set(EXECUTED)
    for page, test in EXECUTED.items():
        assert Path(page).name in (ROOT / "tests" / test).read_text("utf-8")


def test_commands_are_seen_wherever_they_stand():
    every = [(name(page), c) for page in PAGES for c in commands(page.read_text("utf-8"))]
    assert len([c for _, (program, *c) in every if program == "diptych"]) > 60
    page = (
        "`diptych why 3`\n\n    .venv/bin/diptych run c.yaml  # rerun\n\n"
        "```sh\n$ diptych keys a | less\ndiptych 0.1.0\n```\n\n"
        "```\nkubectl exec pod -- \\\n  diptych why --on-cluster\n```\n"
    )
    assert sorted(commands(page)) == [
        ("diptych", ["keys", "a"], False),
        ("diptych", ["run", "c.yaml"], False),
        ("diptych", ["why", "--on-cluster"], False),
        ("diptych", ["why", "3"], True),
    ]


@pytest.mark.parametrize(
    ("program", "words", "why"),
    [
        ("diptych", ["serch", "x"], "No such command"),
        ("diptych", ["run", "c.yaml", "--colour"], "No such option"),
        ("diptych", ["kubeflow", "start", "c.yaml"], "No such command"),
        ("diptych", ["search"], "MissingParameter"),
        ("diptych", ["run", "examples/gone/config.yaml"], "is not there"),
        ("make", ["demonstration"], "no such target"),
        ("python", ["-m", "benchmarks.gone"], "no such module"),
        ("pytest", ["tests/gone/test_*.py"], "not there"),
    ],
)
def test_a_wrong_command_is_seen(program: str, words: list[str], why: str):
    assert why in str(wrong_with(program, words))


def configs(page: Path) -> list[dict[str, Any]]:
    """What the YAML of a page holds, each as keys of a whole config."""
    found = []
    for language, body in BLOCK.findall(page.read_text("utf-8")):
        if language != "yaml":
            continue
        [values] = yaml_text.load_all(body, name(page))
        if set(values) <= OF_KUBERNETES:
            continue
        found.append({"kubeflow": values} if set(values) <= PART_OF_KUBEFLOW else values)
    return found


def merged(base: Any, values: Any) -> Any:
    """Replace the values of a config, section by section; a tower or a loss as a whole."""
    if not (isinstance(base, dict) and isinstance(values, dict)) or {"kind", "name"} & set(values):
        return values
    return {**base, **{key: merged(base.get(key), value) for key, value in values.items()}}


def validate(values: dict[str, Any]) -> RunConfig:
    """Validate what a page shows of a config, in place of the keys of the emoji's."""
    if "name" in values:
        return RunConfig.model_validate_json(json.dumps(values))
    base = yaml.safe_load(EMOJI.read_text())
    base["training"].pop("captions")  # which only some losses can have
    both = merged(base, values)
    both["data"]["attributes"] = sorted({*base["data"]["attributes"], *both["data"]["attributes"]})
    return RunConfig.model_validate_json(json.dumps(both))


@pytest.mark.parametrize(
    "page", [p for p in PAGES if p not in (GENERATED, NEEDS_ITS_PLUGIN)], ids=name
)
def test_every_config_validates(page: Path):
    for values in configs(page):
        validate(values)


def test_a_wrong_key_is_seen():
    with pytest.raises(ValueError, match="colour"):
        validate({"training": {"colour": 1}})
