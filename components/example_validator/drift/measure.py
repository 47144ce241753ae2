"""Measure how far the data moved since the release that serves."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from components.example_validator.config import DriftConfig, Limit
from components.example_validator.drift.counts import (
    buckets,
    features_of,
    folded,
    most_frequent,
    records,
)
from schema import features
from schema.text.messages import number_of

NAMED = 3  # values of a text that a sentence names
DIVERGENCE, DISTANCE = "Jensen-Shannon divergence", "largest change of a share"


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Say how far one feature is from what it was, and its limit; `moved` says what moved most."""

    feature: str
    measure: str
    value: float
    limit: float
    moved: str

    @property
    def drifted(self) -> bool:
        """Whether the limit is exceeded."""
        return self.value > self.limit

    @property
    def sentence(self) -> str:
        """'text/caption_words: the Jensen-Shannon divergence is 0.41, above 0.1 (...)'."""
        what = f"the {self.measure} is {self.value:.3g}, above {self.limit:g}"
        return f"{self.feature}: {what} ({self.moved})"


@dataclasses.dataclass(frozen=True)
class Drift:
    """All comparisons, and a sentence for each that could not be made."""

    compared: tuple[Comparison, ...] = ()
    notes: tuple[str, ...] = ()


def compare(now: Any, served: Any, config: DriftConfig, attributes: Sequence[str]) -> Drift:
    """Compare the statistics of a split with those of the release that serves.

    Args:
        now: DatasetFeatureStatisticsList of the split.
        served: the same of the release.
        config: limits.
        attributes: names of the attributes.
    """
    counts = records(now), records(served)
    if min(counts) < config.minimum_count:
        verb = "is" if min(counts) == 1 else "are"
        few = f"{number_of(min(counts), 'record')} {verb} fewer than data.drift.minimum_count"
        return Drift(notes=(f"nothing was compared: {few} = {config.minimum_count:,}",))
    ours, theirs = features_of(now), features_of(served)
    compared, notes = [], []
    for name, limit in _limits(config, attributes).items():
        if name not in theirs:  # its pipeline did not ask for it
            notes.append(f"{name} was not compared: that release has no statistics of it")
            continue
        if name not in ours and not _is_text(name):
            notes.append(f"{name} was not compared: this data has none")
            continue
        pair = ours.get(name), theirs[name]
        sides, moved = _text(name, pair, counts) if _is_text(name) else _number(pair)
        if not all(side.any() for side in sides):
            notes.append(f"{name} was not compared: it has no values")
            continue
        shares = [side / side.sum() for side in sides]
        # A shift of one class matters by its size; of words, how much of the whole has changed.
        by_share = features.is_attribute(name)
        value = float(np.abs(shares[0] - shares[1]).max()) if by_share else divergence(*shares)
        measure = DISTANCE if by_share else DIVERGENCE
        compared.append(Comparison(name, measure, value, limit, moved))
    return Drift(tuple(compared), tuple(notes))


def divergence(one: np.ndarray, other: np.ndarray) -> float:
    """Compute the Jensen-Shannon divergence of two distributions [n], in bits (Lin, 1991).

    It is the entropy of their mean minus the mean of their entropies: 0 of equal ones, 1 of those
    that have nothing in common.
    """
    return max(0.0, _entropy((one + other) / 2) - (_entropy(one) + _entropy(other)) / 2)


def _entropy(shares: np.ndarray) -> float:
    present = shares[shares > 0]
    return -float((present * np.log2(present)).sum())


def _limits(config: DriftConfig, attributes: Sequence[str]) -> Mapping[str, Limit]:
    of_attributes = {
        features.attribute(name): config.attributes.get(name, config.attribute)
        for name in sorted(attributes)
    }
    limits = {
        features.CAPTION_WORDS: config.caption_words,
        features.IMAGE_WIDTH: config.image_size,
        features.IMAGE_HEIGHT: config.image_size,
        **of_attributes,
        features.WORDS: config.words,
    }
    return {name: limit for name, limit in limits.items() if limit is not None}


def _is_text(name: str) -> bool:
    return name == features.WORDS or features.is_attribute(name)


def _number(pair: tuple[Any, Any]) -> tuple[list[np.ndarray], str]:
    now, served = pair
    medians = [f"{each.num_stats.median:g}" for each in (served, now)]
    return [buckets(each) for each in pair], f"median from {medians[0]} to {medians[1]}"


def _text(
    name: str, pair: tuple[Any, Any], counts: tuple[int, int]
) -> tuple[list[np.ndarray], str]:
    """Count values of both sides, a missing one of an attribute included; say what moved most."""
    kept = most_frequent(pair[0]) | most_frequent(pair[1])
    both = [
        folded(each, kept, features.is_attribute(name), count)
        for each, count in zip(pair, counts, strict=True)
    ]
    values = sorted(both[0])
    sides = [np.array([each[value] for value in values]) for each in both]
    now, before = (side / max(side.sum(), 1) for side in sides)
    changes = np.abs(now - before)
    most = [n for n in np.argsort(-changes, kind="stable")[:NAMED] if changes[n] > 0]
    moved = (f"{values[n]} from {before[n]:.3g} to {now[n]:.3g}" for n in most)
    return sides, ", ".join(moved)
