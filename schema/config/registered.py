"""Sections of the config whose class is chosen by name from a registry."""

import functools
import json
from collections.abc import Mapping
from typing import Annotated, Any, Protocol, Union

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from schema.config.section import Frozen


class HasConfig(Protocol):
    """A registry's entry with a section of the config of its own."""

    @property
    def config(self) -> type[Frozen]:
        """The section: `Literal` names the entry in the key that chooses it."""


class Registered:
    """The type of a section that a registry's entries define, for use in `Annotated`.

    `Annotated[LossConfig, Registered(LOSSES, "name")]` accepts the section of any registered loss,
    also of those that are registered after the class with this field was defined.

    Args:
        registry: the entries.
        key: the key of the section that names the entry, such as 'name' or 'kind'.
    """

    def __init__(self, registry: Mapping[str, HasConfig], key: str):
        self.registry, self.key = registry, key

    @property
    def sections(self) -> tuple[type[Frozen], ...]:
        """The classes of all registered sections."""
        return tuple(entry.config for entry in self.registry.values())

    def __get_pydantic_core_schema__(
        self, _source: Any, _handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            self._validate,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda section, info: section.model_dump(
                    mode=info.mode,
                    exclude_unset=info.exclude_unset,
                    exclude_defaults=info.exclude_defaults,
                ),
                info_arg=True,
            ),
        )

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(_union(self.sections, self.key).core_schema)

    def _validate(self, value: Any, info: core_schema.ValidationInfo) -> Frozen:
        """Return the section of a mapping; pydantic puts the errors below this section's place."""
        union = _union(self.sections, self.key)
        # In JSON a list may stand for a tuple, as it may not in Python.
        in_json = info.mode == "json"
        section = (
            union.validate_json(json.dumps(value)) if in_json else union.validate_python(value)
        )
        assert isinstance(section, Frozen)
        return section


@functools.cache
def _union(sections: tuple[type[Frozen], ...], key: str) -> TypeAdapter[Any]:
    """The tagged union, whose errors name the key and the names that it may have."""
    union: Any = Annotated[Union[sections], Field(discriminator=key)]  # noqa: UP007
    return TypeAdapter(union)
