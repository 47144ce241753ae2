"""The files and folders that the trainer's part of a config names."""

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel

from trainer.config import TrainerConfig

Config = TypeVar("Config", bound=TrainerConfig)
IN_TEXT, IN_IMAGE_TOWER = ("text",), ("model", "image_tower")
IN_TEXT_TOWER = ("model", "text_tower")
KEYS = (
    (*IN_TEXT, "vocabulary"),
    (*IN_IMAGE_TOWER, "weights"),
    (*IN_IMAGE_TOWER, "preset"),
    (*IN_IMAGE_TOWER, "start_from"),
    (*IN_TEXT_TOWER, "preset"),
    (*IN_TEXT_TOWER, "start_from"),
)


def named_files(config: TrainerConfig) -> dict[str, str]:
    """Each file or folder by its key; names that a library knows are none."""
    found = {}
    for keys in KEYS:
        value: Any = config
        for key in keys:
            value = getattr(value, key, None)
        if value is not None and not _is_library_name(keys[-1], value):
            found[".".join(keys)] = value
    return found


def located(config: Config, locate: Callable[[str], str]) -> Config:
    """The config with each of them where `locate` says."""
    for key, path in named_files(config).items():
        config = _replaced(config, key.split("."), locate(path))
    return config


def _is_library_name(key: str, value: str) -> bool:
    return (key == "weights" and value == "imagenet") or (key == "preset" and "/" not in value)


Section = TypeVar("Section", bound=BaseModel)


def _replaced(section: Section, keys: list[str], value: str) -> Section:
    first, *others = keys
    inner = _replaced(getattr(section, first), others, value) if others else value
    return section.model_copy(update={first: inner})
