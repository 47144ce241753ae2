"""Parse JSON from elsewhere, of bounded depth, with one kind of error for every fault."""

import json
from typing import Any, NoReturn

DEEPEST = 64  # lists and objects within each other


def parse(text: str | bytes) -> Any:
    """Parse JSON.

    Raises:
        ValueError: it is not JSON, holds NaN or an infinity, or is nested deeper than `DEEPEST`;
            the message reads well after 'is not JSON: '.
    """
    try:
        value = json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError(f"nested deeper than {DEEPEST}") from error
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise ValueError(f"nested deeper than {DEEPEST}")
        level = [inner for outer in level for inner in _inside(outer)]
    return value


def _inside(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value for value in inner if isinstance(value, dict | list)]


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")
