"""Values of the trainer's config by dotted keys, as a search finds and the Trainer takes them.

KerasTuner chooses among numbers of one kind or among texts. Everything else travels as JSON text,
so a value that is a text always is JSON.
"""

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from schema.config.messages import describe_errors
from schema.errors import InputError
from trainer.config.model import TrainerConfig

Values = Mapping[str, Any]  # by dotted key, 'training.learning_rate': 0.004


def canonical(value: Any) -> str:
    """One text per value."""
    return json.dumps(value, sort_keys=True)


def encoded(values: Sequence[Any]) -> list[Any]:
    """Choices as KerasTuner takes them."""
    kinds = {type(value) for value in values}
    if kinds == {int}:
        return list(values)
    if kinds <= {int, float}:
        return [float(value) for value in values]
    return [canonical(value) for value in values]


def decoded(values: Values) -> dict[str, Any]:
    """What KerasTuner says, as the config has it; the reverse of `encoded`."""
    return {k: json.loads(v) if isinstance(v, str) else v for k, v in values.items()}


def value_at(config: Values, path: str) -> Any:
    """The value of a dotted key.

    Raises:
        KeyError: there is none.
    """
    found: Any = config
    for key in path.split("."):
        if not isinstance(found, Mapping):
            raise KeyError(path)
        found = found[key]
    return found


def merged(config: Values, values: Values) -> dict[str, Any]:
    """A copy of a config's JSON with some values in place of its own.

    Raises:
        InputError: a key does not exist.
    """
    found = copy.deepcopy(dict(config))
    for path, value in values.items():
        try:
            value_at(found, path)
        except KeyError:
            raise InputError(f"{path} is not a key of the config") from None
        *sections, key = path.split(".")
        place = found
        for section in sections:
            place = place[section]
        place[key] = value
    return found


def with_values(config: TrainerConfig, values: Values) -> TrainerConfig:
    """The config with some values in place of its own.

    Raises:
        InputError: a key does not exist, or the values do not go together.
    """
    told = merged(config.model_dump(mode="json"), values)
    try:
        return TrainerConfig.model_validate_json(json.dumps(told))
    except ValidationError as error:
        raise InputError("; ".join(describe_errors(error, TrainerConfig))) from error


def in_words(values: Values) -> str:
    """'training.learning_rate 0.00412, training.batch_size 128'."""
    return ", ".join(
        f"{path} {value:.3g}" if isinstance(value, float) else f"{path} {value}"
        for path, value in values.items()
    )
