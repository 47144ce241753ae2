"""What to make of a registry and a journal that disagree on the champion."""

import dataclasses
import itertools
from collections.abc import Sequence

from components.release.journal import Event, champions, event


@dataclasses.dataclass(frozen=True)
class Settlement:
    """Who is champion; what to add to the journal; whether the registry must be told."""

    champion: int | None
    event: Event | None = None
    tell_registry: bool = False


def settle(events: Sequence[Event], alias: int | None, serving: int | None) -> Settlement:
    """Decide whether a change was interrupted, or made by other means than ours.

    Args:
        events: the journal.
        alias: the champion by the registry.
        serving: the release that models.config names.
    """
    stack = champions(events)
    champion = stack[-1] if stack else None
    if alias == champion:
        return Settlement(champion)
    back = itertools.takewhile(lambda each: each.action == "rollback", reversed(events))
    if alias in {each.replaced for each in back}:
        # Serving was switched at once; a registry that was away, or a killed process, comes later.
        return Settlement(champion, tell_registry=True)
    last = events[-1] if events else None
    if last and last.action == "promote" and alias == last.replaced and serving != last.release:
        return Settlement(alias, event("interrupted", alias, last.release))
    return Settlement(alias, event("found", alias, champion))
