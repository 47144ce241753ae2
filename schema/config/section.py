"""The base class and the types of all sections of the config."""

import math
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

LARGEST_INT = 2**31 - 1  # what TensorFlow counts with in most places
PositiveInt = Annotated[int, Field(gt=0, le=LARGEST_INT)]
Count = Annotated[int, Field(ge=0, le=LARGEST_INT)]
Name = Annotated[str, Field(max_length=100)]  # of something that the config or a library defines
Fraction = Annotated[float, Field(ge=0, le=1)]
Dropout = Annotated[float, Field(ge=0, lt=1)]  # share of what is left out while training


def _off(value: Any) -> Any:
    return "off" if value is False else value


# In front of a type that knows the word "off", which YAML reads as False.
MaybeOff = BeforeValidator(_off)


def _is_finite(value: JsonValue) -> JsonValue:
    for number in numbers_in(value):
        if not math.isfinite(number):
            raise ValueError(f"holds the number {number}, where finite ones are expected")
    return value


def numbers_in(value: JsonValue) -> Iterator[float]:
    """Yield every number in a JSON value, however deep."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from numbers_in(inner)
    elif isinstance(value, int | float):
        yield value


Json = Annotated[JsonValue, AfterValidator(_is_finite)]  # of which another library knows the rest


class Frozen(BaseModel):
    """A section of the config: no unknown keys, changes, silent conversions or infinities.

    No text is longer than a path may be.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        str_max_length=4096,
        use_attribute_docstrings=True,  # for the reference of all keys
    )
