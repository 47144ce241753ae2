"""The files and folders that the trainer's part of a config names."""

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel

from trainer.config.model import TrainerConfig, TransformConfig

Config = TypeVar("Config", bound=TrainerConfig)
IN_TEXT, IN_IMAGE_TOWER = ("text",), ("model", "image_tower")
IN_TEXT_TOWER = ("model", "text_tower")
IMAGENET = "imagenet"  # weights of Keras's own cache
KEYS = (
    (*IN_TEXT, "vocabulary"),
    (*IN_IMAGE_TOWER, "weights"),
    (*IN_IMAGE_TOWER, "preset"),
    (*IN_IMAGE_TOWER, "start_from"),
    (*IN_TEXT_TOWER, "preset"),
    (*IN_TEXT_TOWER, "start_from"),
)
FILE_KEYS = frozenset(keys[-1] for keys in KEYS)


def named_files(config: TransformConfig, with_presets: bool = False) -> dict[str, str]:
    """Collect files and folders by the key that names them.

    Args:
        config: Transform's, the trainer's, or one with more sections.
        with_presets: include names of presets in a library's cache.
    """
    found = {}
    for keys in KEYS:
        value: Any = config
        for key in keys:
            value = getattr(value, key, None)
        if value is None or (_is_library_name(keys[-1], value) and not with_presets):
            continue
        if value != IMAGENET:
            found[".".join(keys)] = value
    return found


def located(config: Config, locate: Callable[[str], str]) -> Config:
    """The config with each of them where `locate` says."""
    for key, path in named_files(config).items():
        config = _replaced(config, key.split("."), locate(path))
    return config


def located_values(path: str, value: Any, locate: Callable[[str], str]) -> Any:
    """A value of a dotted key, or of a whole section, with the files in it where `locate` says."""
    key = path.rpartition(".")[2]
    if isinstance(value, dict):
        return {name: located_values(name, inner, locate) for name, inner in value.items()}
    if key in FILE_KEYS and isinstance(value, str) and not _is_library_name(key, value):
        return locate(value)
    return value


def _is_library_name(key: str, value: str) -> bool:
    return (key == "weights" and value == IMAGENET) or (key == "preset" and "/" not in value)


Section = TypeVar("Section", bound=BaseModel)


def _replaced(section: Section, keys: list[str], value: str) -> Section:
    first, *others = keys
    inner = _replaced(getattr(section, first), others, value) if others else value
    return section.model_copy(update={first: inner})
