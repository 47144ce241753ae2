"""Plugins: modules of the user's own, imported before the config that names them is checked."""

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import ValidationError

from schema import registry
from schema.config.messages import describe_errors
from schema.config.registered import Registered
from schema.errors import InputError
from schema.plugins import Extensible, load, load_digested, named_in
from schema.registry import Registry
from tests.unit.schema.test_registry import DiscConfig, Shape, ShapeConfig, SquareConfig

SHAPES: Registry[Shape] = Registry("shape", "tests.support.empty")
REGISTER = """
    from tests.unit.schema.test_plugins import SHAPES, Shape, {config}

    SHAPES.add({name!r}, Shape({config}))
"""


class Drawing(Extensible):
    shape: Annotated[ShapeConfig, Registered(SHAPES, "name")] = SquareConfig(name="square")


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Write a module that can be imported."""
    monkeypatch.syspath_prepend(str(tmp_path))
    SHAPES._entries.clear()
    SHAPES.add("square", Shape(SquareConfig))
    before = set(sys.modules)

    def write_module(module: str, text: str, **values: Any) -> None:
        (tmp_path / f"{module}.py").write_text(textwrap.dedent(text).format(**values))

    yield write_module
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_plugin_is_imported_before_the_section_that_it_defines(write):
    write("my_discs", REGISTER, name="disc", config="DiscConfig")
    drawing = Drawing.model_validate_json(
        '{"shape": {"name": "disc", "radius": 5}, "plugins": ["my_discs"]}'
    )
    assert drawing.shape == DiscConfig(name="disc", radius=5)
    assert Drawing.model_validate_json(drawing.model_dump_json()) == drawing
    load(["my_discs"])  # a second time registers nothing twice


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("raise RuntimeError('first line\\nlast line')", "RuntimeError: last line"),
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        ("import absent_module", "ModuleNotFoundError: No module named 'absent_module'"),
        ("def f(:", "SyntaxError: invalid syntax (my_broken.py, line 1)"),
    ],
)
def test_a_plugin_that_cannot_be_imported_is_named(write, text, cause):
    write("my_broken", text)
    with pytest.raises(InputError) as caught:
        Drawing.model_validate({"plugins": ("my_broken",), "shape": {"name": "disc"}})
    assert str(caught.value) == f"plugins: my_broken cannot be imported: {cause}"


def test_a_plugin_that_is_not_there_is_named(write):
    with pytest.raises(InputError) as caught:
        load(["absent_plugin"])
    assert str(caught.value) == (
        "plugins: absent_plugin cannot be imported: ModuleNotFoundError: No module named "
        "'absent_plugin'"
    )


def test_a_plugin_cannot_take_the_name_of_a_built_in_entry(write):
    write("my_squares", REGISTER, name="square", config="DiscConfig")
    with pytest.raises(InputError) as caught:
        load(["my_squares"])
    assert str(caught.value) == (
        "plugins: my_squares cannot be used: the shape 'square' is registered twice: choose "
        "another name"
    )


def test_built_in_entries_come_first_even_where_the_registry_was_never_read(
    write, tmp_path, monkeypatch
):
    monkeypatch.setattr(registry, "_ALL", [*registry._ALL])  # the new one goes with its files
    package = tmp_path / "late_words"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from schema.registry import Registry\nWORDS = Registry('word', 'late_words')\n"
    )
    (package / "one.py").write_text("from late_words import WORDS\nWORDS.add('one', object())\n")
    write("my_words", "from late_words import WORDS\nWORDS.add('one', object())\n")
    with pytest.raises(InputError, match="my_words cannot be used: the word 'one' is registered"):
        load(["my_words"])


@pytest.mark.parametrize("names", ["my_discs", ["my-discs"], [3], ["a..b"], [""], {"a": 1}, None])
def test_malformed_names_are_refused_and_nothing_is_imported(write, names):
    write("my_discs", "raise RuntimeError")
    assert named_in({"plugins": names}) == ()
    with pytest.raises(ValidationError) as caught:
        Drawing.model_validate({"plugins": names})
    assert describe_errors(caught.value, Drawing)[0].startswith("plugins")


def test_a_plugin_that_is_named_twice_is_refused(write):
    write("my_discs", REGISTER, name="disc", config="DiscConfig")
    with pytest.raises(ValidationError, match="names my_discs twice"):
        Drawing.model_validate({"plugins": ("my_discs", "my_discs")})


def test_a_node_loads_what_its_parameter_names(write):
    write("my_discs", REGISTER, name="disc", config="DiscConfig")
    load_digested('{"my_discs": "0123456789abcdef"}')
    assert list(SHAPES) == ["square", "disc"]
