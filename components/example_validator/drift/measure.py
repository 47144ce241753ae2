"""Drift of the data since the release that serves, by TFDV's drift comparators."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import tfx.components  # noqa: F401  TFDV needs its patches

import tensorflow_data_validation as tfdv  # isort: skip
from tensorflow_metadata.proto.v0 import schema_pb2

from components.example_validator.config import DriftConfig, Limit
from components.example_validator.drift import comparable
from schema import features
from schema.text.messages import number_of

NAMED = 3  # values of a text that a sentence names
DIVERGENCE, DISTANCE = "Jensen-Shannon divergence", "largest change of a share"


@dataclasses.dataclass(frozen=True)
class Comparison:
    """How far one feature is from what it was, and its limit; `moved` says what moved most."""

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
        told = f"the {self.measure} is {self.value:.3g}, above {self.limit:g}"
        return f"{self.feature}: {told} ({self.moved})"


@dataclasses.dataclass(frozen=True)
class Drift:
    """Every comparison, and a sentence for each that could not be made."""

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
    counts = comparable.records(now), comparable.records(served)
    if min(counts) < config.minimum_count:
        verb = "is" if min(counts) == 1 else "are"
        few = f"{number_of(min(counts), 'record')} {verb} fewer than data.drift.minimum_count"
        return Drift(notes=(f"nothing was compared: {few} = {config.minimum_count:,}",))
    ours, theirs = comparable.features_of(now), comparable.features_of(served)
    schema, moved, notes = schema_pb2.Schema(), {}, []
    sides: tuple[list[Any], list[Any]] = [], []
    for name, limit in _limits(config, attributes).items():
        if name not in theirs:  # its pipeline did not ask for it
            notes.append(f"{name} was not compared: that release has no statistics of it")
            continue
        if name not in ours and not _is_text(name):
            notes.append(f"{name} was not compared: this data has none")
            continue
        pair = ours.get(name), theirs[name]
        made, moved[name] = _text(name, pair, counts) if _is_text(name) else _number(name, pair)
        for side, each in zip(sides, made, strict=True):
            side.append(each)
        _declare(schema, name, limit)
    if not moved:
        return Drift(notes=tuple(notes))
    found = tfdv.validate_statistics(
        comparable.dataset(sides[0], counts[0]),
        schema,
        previous_statistics=comparable.dataset(sides[1], counts[1]),
    )
    measured = {
        "/".join(each.path.step): each.drift_measurements[0] for each in found.drift_skew_info
    }
    notes += [f"{name} was not compared: it has no values" for name in moved.keys() - measured]
    compared = (
        Comparison(name, _measure(name), measured[name].value, measured[name].threshold, what)
        for name, what in moved.items()
        if name in measured
    )
    return Drift(tuple(compared), tuple(notes))


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


def _measure(name: str) -> str:
    """A shift of one class matters by its size; of words, how much of the whole has changed."""
    return DISTANCE if features.is_attribute(name) else DIVERGENCE


def _declare(schema: Any, name: str, limit: float) -> None:
    kind = schema_pb2.BYTES if _is_text(name) else schema_pb2.INT
    comparator = schema.feature.add(name=name, type=kind).drift_comparator
    if _measure(name) == DISTANCE:
        comparator.infinity_norm.threshold = limit
    else:
        comparator.jensen_shannon_divergence.threshold = limit


def _number(name: str, pair: tuple[Any, Any]) -> tuple[list[Any], str]:
    now, served = pair
    medians = [f"{each.num_stats.median:g}" for each in (served, now)]
    made = [comparable.number(name, comparable.buckets(each)) for each in pair]
    return made, f"median from {medians[0]} to {medians[1]}"


def _text(name: str, pair: tuple[Any, Any], counts: tuple[int, int]) -> tuple[list[Any], str]:
    kept = comparable.most_frequent(pair[0]) | comparable.most_frequent(pair[1])
    folded = [
        comparable.folded(each, kept, features.is_attribute(name), count)
        for each, count in zip(pair, counts, strict=True)
    ]
    now, before = (comparable.shares(each) for each in folded)
    changes = {value: abs(now[value] - before[value]) for value in now}
    changed = [value for value, change in changes.items() if change > 0]
    most = sorted(changed, key=lambda value: (-changes[value], value))[:NAMED]
    told = (f"{value} from {before[value]:.3g} to {now[value]:.3g}" for value in most)
    made = [comparable.text(name, each) for each in folded]
    return made, ", ".join(told)
