"""Registries, and sections of the config that are chosen from one."""

import dataclasses
import importlib
import sys
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import ValidationError

from schema.config.messages import describe_errors
from schema.config.registered import Registered
from schema.config.section import Frozen, PositiveInt
from schema.errors import InputError
from schema.registry import Registry, restored_on_failure


class ShapeConfig(Frozen):
    pass


class SquareConfig(ShapeConfig):
    name: Literal["square"]
    side: PositiveInt = 1


class BoxConfig(ShapeConfig):
    name: Literal["box"]
    sides: tuple[PositiveInt, ...] = (1, 2)


class OtherBoxConfig(ShapeConfig):
    name: Literal["box"]


class DiscConfig(ShapeConfig):
    name: Literal["disc"]
    radius: PositiveInt = 3


@dataclasses.dataclass(frozen=True)
class Shape:
    config: type[Frozen]


SHAPES: Registry[Shape] = Registry("shape", "tests.support.empty", entry=Shape, section=ShapeConfig)


class Drawing(Frozen):
    shape: Annotated[ShapeConfig, Registered(SHAPES, "name")] = SquareConfig(name="square")


@pytest.fixture(autouse=True)
def entries() -> None:
    SHAPES._entries.clear()
    SHAPES.add("square", Shape(SquareConfig))
    SHAPES.add("box", Shape(BoxConfig))


def mistakes(values: object) -> list[str]:
    with pytest.raises(ValidationError) as error:
        Drawing.model_validate(values)
    return describe_errors(error.value, Drawing)


def test_the_name_chooses_the_section() -> None:
    drawing = Drawing.model_validate({"shape": {"name": "box", "sides": (4, 5)}})
    assert drawing.shape == BoxConfig(name="box", sides=(4, 5))


def test_a_section_survives_json() -> None:
    drawing = Drawing(shape=BoxConfig(name="box", sides=(4, 5)))
    assert drawing.model_dump_json() == '{"shape":{"name":"box","sides":[4,5]}}'
    assert Drawing.model_validate_json(drawing.model_dump_json()) == drawing


def test_an_entry_that_is_registered_later_is_accepted() -> None:
    assert mistakes({"shape": {"name": "disc"}}) == [
        "shape.name = 'disc' is none of 'box', 'square'"
    ]
    SHAPES.add("disc", Shape(DiscConfig))
    assert Drawing.model_validate({"shape": {"name": "disc"}}).shape == DiscConfig(name="disc")
    assert "DiscConfig" in Drawing.model_json_schema()["$defs"]


def test_a_mistake_names_the_key_without_the_name_of_the_entry() -> None:
    assert mistakes({"shape": {"name": "square", "side": 0}}) == [
        "shape.side = 0: input should be greater than 0"
    ]
    assert mistakes({"shape": {"name": "square", "sied": 1}}) == [
        "shape.sied is not a key of the config; the nearest is shape.side"
    ]
    assert mistakes({"shape": {"side": 1}}) == ["shape.name is missing"]


def test_two_entries_cannot_share_a_name() -> None:
    with pytest.raises(InputError, match="the shape 'box' is registered twice"):
        SHAPES.add("box", Shape(OtherBoxConfig))


def test_an_entry_of_another_kind_or_name_is_refused() -> None:
    with pytest.raises(InputError, match="is registered as int; it must be of the type Shape"):
        SHAPES.add("five", 5)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"must have the field name: Literal\['ring'\]"):
        SHAPES.add("ring", Shape(DiscConfig))
    with pytest.raises(InputError, match="'dot' must have a section of the config, a subclass of"):
        SHAPES.add("dot", Shape(Frozen))
    with pytest.raises(InputError, match="a shape is registered under 5"):
        SHAPES.add(5, Shape(DiscConfig))  # type: ignore[arg-type]


def test_reading_a_registry_imports_the_files_of_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "registered_shapes"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "registry.py").write_text(
        "from schema.registry import Registry\nWORDS = Registry('word', 'registered_shapes')\n"
    )
    (package / "one.py").write_text(
        "from registered_shapes.registry import WORDS\nWORDS.add('one', 1)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    words = importlib.import_module("registered_shapes.registry").WORDS

    assert "registered_shapes.one" not in sys.modules
    assert dict(words) == {"one": 1}
    with pytest.raises(KeyError, match="'two' is not a word; choose one of: one"):
        words["two"]


def test_a_registry_may_have_one_file_in_each_subpackage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "from registered_folders import WORDS\nWORDS.add(__name__, object())\n"
    files = {
        "__init__.py": "from schema.registry import Registry, restored_on_failure\n"
        "WORDS = Registry('word', 'registered_folders', 'entry')\n",
        "entry.py": "raise RuntimeError('it is in no subpackage')",
        "first/__init__.py": "",
        "first/entry.py": text,
        "first/other.py": "raise RuntimeError('it has another name')",
        "second/__init__.py": "",
    }
    for name, content in files.items():
        path = tmp_path / "registered_folders" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    monkeypatch.syspath_prepend(str(tmp_path))
    words = importlib.import_module("registered_folders").WORDS
    assert list(words) == ["registered_folders.first.entry"]


def test_a_failed_read_is_tried_again() -> None:
    words: Registry[int] = Registry("word", "a_package_that_is_not_there")
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError):
            len(words)


def test_what_a_failing_body_added_is_taken_back() -> None:
    with pytest.raises(InputError), restored_on_failure():
        [SHAPES.add(name, Shape(DiscConfig)) for name in ("disc", "ring")]
    assert list(SHAPES) == ["square", "box"]
    with restored_on_failure():
        SHAPES.add("disc", Shape(DiscConfig))
    assert list(SHAPES) == ["square", "box", "disc"]
