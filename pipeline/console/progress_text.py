"""Describe the progress of a node in words, from the values of its events."""

from collections.abc import Mapping
from typing import Any

from schema.text.messages import number_of

HELD_OUT = "held-out "


def parts(event: Mapping[str, Any]) -> dict[str, str]:
    """Return the words for each value of an event, by the names of the values, in their order."""
    words = {}
    if "trial" in event:
        words["trial"] = f"trial {event['trial']:,} of {event['trials']:,}"
    if "best" in event:
        words["best"] = f"best {event['best']}"
    if "records" in event:
        words["records"] = number_of(event["records"], "record")
    if event.get("quarantined"):
        words["quarantined"] = f"{event['quarantined']:,} quarantined"
    if "step" in event:
        words["step"] = f"step {event['step']:,} of {event['steps']:,}"
    if "resumed_from" in event:
        words["resumed_from"] = f"resumed from step {event['resumed_from']:,}"
    if "loss" in event:
        words["loss"] = f"loss {event['loss']:.3f}"
    if "held_out_recall_at_10" in event:
        words["recall"] = f"{HELD_OUT}recall@10 {event['held_out_recall_at_10']:.3f}"
    if event.get("pairs_per_second"):
        words["pairs_per_second"] = f"{event['pairs_per_second']:,} pairs/s"
    if event.get("seconds_left", -1) > 0:
        words["seconds_left"] = f"{duration(event['seconds_left'])} left"
    return words


def describe(event: Mapping[str, Any]) -> str:
    """Describe an event: '12,800 records, step 50 of 1,050, loss 2.3, 3 min 20 s left'."""
    return ", ".join(parts(event).values())


def duration(seconds: float) -> str:
    """Describe a duration: '8.2 s', '48 s', '3 min 20 s' or '2 h 05 min'."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def size(count: int) -> str:
    """Describe a number of bytes: '870 MB', '1.6 GB'."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
