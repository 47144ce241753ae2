"""What all sections of the config share."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

PositiveInt = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Dropout = Annotated[float, Field(ge=0, lt=1)]  # share of what is left out while training


def _off(value: Any) -> Any:
    return "off" if value is False else value


# In front of a type that knows the word "off", which YAML reads as False.
MaybeOff = BeforeValidator(_off)


class Frozen(BaseModel):
    """A section of the config: no unknown keys, changes, silent conversions or infinities."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
