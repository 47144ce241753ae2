"""Compare a tower with that of the release it starts from, by the config of the release.

Free of TensorFlow, so that another kind or size is refused before an hour of ingest, and not when
the weights are loaded.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from schema.errors import InputError
from schema.serving_names import CONFIG, IMAGE_TOWER, TEXT_TOWER
from schema.text import text_files
from trainer.config.model import TrainerSections
from trainer.config.overrides import value_at
from trainer.config.transform import TextConfig
from trainer.towers.registry import IMAGE_TOWERS, TEXT_TOWERS, ParameterCount, TowerConfig

# Keys of a tower that do not change its size.
NO_SIZE = ("weights", "train", "lora", "layers", "rate", "dropout", "patch_dropout")
TOKENIZER = "text.tokenizer"
SIZES = {
    IMAGE_TOWER: ("image.size",),
    TEXT_TOWER: (TOKENIZER, "text.vocabulary_size", "text.max_tokens"),
}


def check(config: TrainerSections) -> None:
    """Check both towers against the releases that they start from, if these are on this machine.

    Only what is certain is refused; the rest shows when the weights are loaded.

    Raises:
        InputError: one is of another kind or size.
    """
    for key, tower in config.model.towers:
        if tower.release is None or "://" in tower.release:
            continue
        there = _config_of(Path(tower.release))
        if there is None:
            continue
        otherwise = _acting_otherwise(key, tower, there)
        if otherwise or _is_another(key, tower, there, config):
            named = dict.fromkeys((*differences(key, there, config), *otherwise))
            raise InputError(refusal(key, tower.release, "; ".join(named)))


def refusal(key: str, place: str, reason: str) -> str:
    """Return the sentence that a release's tower does not fit.

    Args:
        key: 'image_tower' or 'text_tower'.
        place: of the release or of the tower in it.
        reason: why.
    """
    return f"model.{key}.weights: {place} is not a tower of this kind and size: {reason}"


def differences(key: str, there: Mapping[str, Any], config: TrainerSections) -> Iterator[str]:
    """Name the keys that decide a tower's size and differ from the config of its release.

    Args:
        key: 'image_tower' or 'text_tower'.
        there: the config of the release.
        config: of this run.
    """
    here = config.model_dump(mode="json")
    tower = {f"model.{key}.{name}" for name in here["model"][key] if name not in NO_SIZE}
    kind = f"model.{key}.kind"
    others = () if _differs(there, here, kind) else {*tower, "model.embedding_dim", *SIZES[key]}
    for path in sorted({kind, *others}):
        if _differs(there, here, path):
            yield f"{path} is {value_at(there, path)} there and {value_at(here, path)} here"


def _differs(there: Mapping[str, Any], here: Mapping[str, Any], path: str) -> bool:
    try:
        return bool(value_at(there, path) != value_at(here, path))
    except KeyError:  # a key of another version of Diptych, or of another kind of tower
        return False


def _config_of(place: Path) -> dict[str, Any] | None:
    """Read the config of a release, or of the one that a tower's SavedModel is in."""
    for folder in (place, place.parent.parent):
        with contextlib.suppress(InputError):  # it has none, or one of another program
            return text_files.read_object(folder / CONFIG)
    return None


def _is_another(
    key: str, tower: TowerConfig, there: Mapping[str, Any], config: TrainerSections
) -> bool:
    here = config.model_dump(mode="json")
    if any(_differs(there, here, path) for path in (f"model.{key}.kind", "model.embedding_dim")):
        return True
    if key == TEXT_TOWER and _differs(there, here, TOKENIZER):
        return True
    try:
        section = there["model"][key]
        hidden = None if section["head"] is None else section["head"]["hidden"]
        theirs = _count(key, tower.kind, section, there)
    except (ValidationError, LookupError, TypeError, ValueError):
        return False  # it is of another version of Diptych
    if hidden != (None if tower.head is None else tower.head.hidden):
        return True
    mine = _count(key, tower.kind, here["model"][key], here)
    # Without features it is no more than an estimate.
    return bool(theirs.features and mine.features and theirs != mine)


def _acting_otherwise(key: str, tower: TowerConfig, there: Mapping[str, Any]) -> list[str]:
    """Name what differs from a release whose weights fit in shape only, such as other heads."""
    entry = (IMAGE_TOWERS if key == IMAGE_TOWER else TEXT_TOWERS)[tower.kind]
    try:
        section = entry.config.model_validate_json(json.dumps(there["model"][key]))
    except (ValidationError, LookupError, TypeError, ValueError):
        return []  # it is of another kind, or of another version of Diptych
    theirs, mine = section.same_shapes, tower.same_shapes
    return [
        f"model.{key}.{name} is {theirs[name]} there and {value} here"
        for name, value in mine.items()
        if name in theirs and theirs[name] != value
    ]


def _count(
    key: str, kind: str, section: Mapping[str, Any], config: Mapping[str, Any]
) -> ParameterCount:
    """Count the parameters in front of a head; of sizes that only weights say, nothing."""
    entry = (IMAGE_TOWERS if key == IMAGE_TOWER else TEXT_TOWERS)[kind]
    tower = entry.config.model_validate_json(json.dumps(section))
    if tower.brings_weights:
        return ParameterCount({})
    if key == IMAGE_TOWER:
        return IMAGE_TOWERS[kind].count(tower, config["image"]["size"])
    return TEXT_TOWERS[kind].count(
        tower, TextConfig.model_validate_json(json.dumps(config["text"]))
    )
