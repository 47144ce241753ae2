"""The `evaluation` section of the config: what is measured and what must hold.

Importing this file stays free of TensorFlow and TFX, so that the command line answers at once.
"""

from typing import Annotated, Self

from pydantic import Field, model_validator

from components.evaluator.metrics.names import PLACE
from components.evaluator.metrics.registry import METRICS
from schema.config.section import Frozen, Name, PositiveInt

MINIMUM_COUNT = 50  # of queries; a recall of fewer swings by more than 14 points by chance
CAPTION_LENGTH, ASPECT_RATIO = BUILT_IN_SLICES = ("caption_length", "aspect_ratio")
CONFIG, BASELINE, RETAINED = "config", "baseline", "retained"  # names of the node's parameters
BOUNDS = ("at_least", "at_most", "not_worse_than_baseline_by")  # of a gate; see `gates.py`


class Gate(Frozen):
    """Bound a metric: a model that does not keep the bound is not shipped."""

    metric: Name
    """Name of the metric; a wrong one is refused with the list of all."""
    data: Name | None = None
    """One of data.retain, on which it is measured. Left out: the evaluated split."""
    at_least: float | None = None
    """Smallest value that passes."""
    at_most: float | None = None
    """Largest value that passes."""
    not_worse_than_baseline_by: Annotated[float, Field(ge=0)] | None = None
    """How much worse than the model that serves it may be, in the unit of the metric; the end of
    the interval of the difference decides. With `data`, while nothing serves: than the release that
    the run starts from."""
    slice: Name | None = None
    """One of evaluation.slices: each of its values must pass. Left out: all queries together."""
    minimum_count: PositiveInt = MINIMUM_COUNT
    """Queries that a value of the slice needs to be checked."""

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.metric not in METRICS:
            raise ValueError(f"metric = {self.metric!r} is none of {', '.join(sorted(METRICS))}")
        if sum(getattr(self, bound) is not None for bound in BOUNDS) != 1:
            raise ValueError(f"a gate needs exactly one of {', '.join(BOUNDS)}")
        of_tokens = METRICS[self.metric].statistic is None
        parts = (self.slice, self.data)
        if of_tokens and (self.at_most is None or any(part is not None for part in parts)):
            raise ValueError(
                f"metric = {self.metric!r} needs at_most and no slice, and no data: it is "
                "measured of the candidate alone, over the whole evaluated split"
            )
        # By its value, because the canonical JSON of a config sets every field.
        if self.slice is None and self.minimum_count != MINIMUM_COUNT:
            raise ValueError("minimum_count is for the values of a slice, and slice is missing")
        return self


class ZeroShotConfig(Frozen):
    """Classify images by the names of their classes alone."""

    attribute: Name
    """The attribute that holds the class of an image."""
    templates: Annotated[tuple[str, ...], Field(min_length=1, max_length=1000)] = (PLACE,)
    """Texts of a class; {} stands for its name."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        for template in self.templates:
            if template.count(PLACE) != 1:
                raise ValueError(f"templates: {template!r} must hold {PLACE} exactly once")
        return self


class EvaluationConfig(Frozen):
    """Say what is measured and what must hold."""

    split: Name = "eval"
    """The split that is measured."""
    slices: Annotated[tuple[Name, ...], Field(max_length=100)] = ()
    """Attributes, caption_length or aspect_ratio; each value is a slice of the queries."""
    resamples: Annotated[int, Field(ge=100, le=1_000_000)] = 1000
    """Bootstrap resamples of an interval."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Confidence of each interval."""
    zero_shot: ZeroShotConfig | None = None
    """Zero-shot classification; left out: not measured."""
    gates: Annotated[tuple[Gate, ...], Field(min_length=1, max_length=1000)]
    """Bounds that a model must keep; at least one, since no model would be refused without."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if len(set(self.slices)) < len(self.slices):
            raise ValueError(f"slices = {list(self.slices)} names one of them twice")
        for number, gate in enumerate(self.gates):
            if gate.slice is not None and gate.slice not in self.slices:
                raise ValueError(
                    f"gates.{number}.slice = {gate.slice!r} must be listed in slices too"
                )
            if METRICS[gate.metric].needs == "zero_shot" and self.zero_shot is None:
                raise ValueError(f"gates.{number}.metric = {gate.metric!r} needs zero_shot")
        return self
