"""The curve of a fine-tuning: each mix of weights with its recalls, and the choice among them.

Free of TensorFlow, so that commands can read it.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from schema.serving_names import WEIGHT_MIXING

HELD_OUT = "text_to_image_recall_at_1"  # what a mix is chosen by


@dataclasses.dataclass(frozen=True)
class Limit:
    """A bound of a metric on a retained data set; one of the two is given.

    Attributes:
        data: name of the data set.
        metric: one of `measured_metrics()`.
        worse_by: how much lower than before the fine-tuning it may be; the lower end of the 95 %
            interval of the paired difference decides.
        at_least: the lowest value.
    """

    data: str
    metric: str
    worse_by: float | None = None
    at_least: float | None = None


@dataclasses.dataclass(frozen=True)
class Retained:
    """Data sets that a fine-tuning must not forget.

    Attributes:
        files: transformed records, by the name of the data set.
        limits: what must hold on them.
    """

    files: Mapping[str, Sequence[str]]
    limits: tuple[Limit, ...]


@dataclasses.dataclass(frozen=True)
class Point:
    """One mix.

    Attributes:
        ratio: share of the learned weights.
        held_out: `HELD_OUT` on the share of the train split that was held out.
        retained: the same metric on each retained data set, by its name.
        short_of: by how much the limits are missed, in sum; 0: all are kept.
    """

    ratio: float
    held_out: float
    retained: dict[str, float]
    short_of: float = 0.0


@dataclasses.dataclass(frozen=True)
class Mixing:
    """The curve of a fine-tuning and the ratio that was chosen."""

    chosen: float
    points: tuple[Point, ...]

    @property
    def remark(self) -> str | None:
        """A warning if the chosen mix is not what the user hoped for."""
        [point] = [point for point in self.points if point.ratio == self.chosen]
        if point.short_of:
            return (
                "no mix of the weights before and after the fine-tuning keeps every retained data "
                f"set within its gates; ratio {point.ratio:g} falls short the least. A lower "
                "training.learning_rate, fewer training.epochs or a lower rate of the towers "
                "forget less"
            )
        if point.ratio == 0:
            return (
                "the fine-tuning is not used: of all mixes the weights that it started from are "
                "the best that keep the retained data sets within their gates"
            )
        return None


def plain(mixing: Mixing) -> dict[str, Any]:
    """Turn a curve into plain JSON values."""
    return {"metric": HELD_OUT, **dataclasses.asdict(mixing)}


def of_plain(payload: dict[str, Any]) -> Mixing:
    """Build a curve from plain JSON values, the reverse of `plain`."""
    return Mixing(payload["chosen"], tuple(Point(**fields) for fields in payload["points"]))


def read(folder: Path) -> Mixing | None:
    """Read the curve of a Trainer's artifact or of a release; None: weights were not mixed."""
    file = folder / WEIGHT_MIXING
    return of_plain(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else None
