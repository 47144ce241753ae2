"""The files and folders that the trainer's part of a config names."""

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel

from trainer.config.model import TrainerSections
from trainer.config.trainer import TrainerConfig
from trainer.config.transform import TransformConfig
from trainer.towers.registry import IMAGE_TOWERS, TEXT_TOWERS, FileKeys
from trainer.weights.places import VOCABULARY
from trainer.weights.source import Kind, Source, parse

Config = TypeVar("Config", bound=TrainerConfig)
Section = TypeVar("Section", bound=BaseModel)


def named_sources(config: TransformConfig) -> dict[str, Source]:
    """Collect all that a config names by the key: paths, packages, names in a cache.

    Args:
        config: Transform's, the trainer's, or one with more sections.
    """
    sources = {}
    if config.text.vocabulary is not None:
        sources["text.vocabulary"] = parse(config.text.vocabulary)
    if isinstance(config, TrainerSections):
        for section, tower in config.model.towers:
            for key, source_of in tower.file_keys.items():
                value = getattr(tower, key)
                if value is not None:
                    sources[f"model.{section}.{key}"] = source_of(value)
    return sources


def named_files(config: TransformConfig, with_presets: bool = False) -> dict[str, str]:
    """Collect files and folders by the key that names them.

    Args:
        config: Transform's, the trainer's, or one with more sections.
        with_presets: include names of presets in a library's cache, where the files may change. A
            package and the cache that `weights` names hold the same files for the same version.
    """
    return {
        key: source.name
        for key, source in named_sources(config).items()
        if source.is_path
        or (with_presets and source.kind is Kind.CACHE and not key.endswith(".weights"))
    }


def endings_of(config: TransformConfig, key: str) -> tuple[str, ...]:
    """Return the endings of the files that the source of a key can mean; see `places.file_of`."""
    if not key.endswith(".weights"):
        return (VOCABULARY,)
    assert isinstance(config, TrainerSections)
    return dict(config.model.towers)[key.split(".")[1]].endings


def read_beside(config: TransformConfig, key: str) -> tuple[str, ...]:
    """Return the files that are read beside the file that a key names; see `TowerConfig`."""
    if not key.endswith(".weights"):
        return ()
    assert isinstance(config, TrainerSections)
    return dict(config.model.towers)[key.split(".")[1]].read_beside


def located(config: Config, locate: Callable[[str], str]) -> Config:
    """Return the config with `locate` applied to each file and folder that it names."""
    for key, source in named_sources(config).items():
        if source.is_path:
            config = _replaced(config, key.split("."), str(source.located(locate)))
    return config


def located_values(path: str, value: Any, locate: Callable[[str], str]) -> Any:
    """Apply `locate` to the files in a value.

    Args:
        path: dotted key of the value.
        value: of the key, or a whole section as a mapping.
        locate: makes a path absolute, say.
    """
    key = path.rpartition(".")[2]
    if isinstance(value, dict):
        return {name: located_values(name, inner, locate) for name, inner in value.items()}
    source_of = _file_keys().get(key)
    if source_of is not None and isinstance(value, str):
        return str(source_of(value).located(locate))
    return value


def _file_keys() -> FileKeys:
    """Return the keys of all registered towers that name files."""
    keys: dict[str, Callable[[str], Source]] = {"vocabulary": parse}
    configs = [entry.config for entry in IMAGE_TOWERS.values()]
    configs += [entry.config for entry in TEXT_TOWERS.values()]
    for config in configs:
        keys.update(config.file_keys)
    return keys


def _replaced(section: Section, keys: list[str], value: str) -> Section:
    first, *others = keys
    inner = _replaced(getattr(section, first), others, value) if others else value
    return section.model_copy(update={first: inner})
