"""Choose the attributes that a collection is filtered by."""

import dataclasses
from collections.abc import Mapping, Sequence

FEWEST, MOST_VALUES = 2, 60  # values of an attribute that can be chosen from a list
MOST_FACETS = 6


@dataclasses.dataclass(frozen=True)
class Facet:
    """An attribute with few values: (value, number of images), most frequent first."""

    name: str
    values: Sequence[tuple[str, int]]


def choose_facets(counts: Mapping[str, Mapping[str, int]]) -> list[Facet]:
    """Choose attributes by the number of images of each value of each attribute.

    An attribute with one value, or with very many, is left out: it filters nothing, or is a name.
    """
    few = {name: values for name, values in counts.items() if FEWEST <= len(values) <= MOST_VALUES}
    return [
        Facet(name, sorted(values.items(), key=lambda entry: (-entry[1], entry[0])))
        for name, values in sorted(few.items())[:MOST_FACETS]
    ]
