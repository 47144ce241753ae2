"""What a report says: facts of a run as plain values, without TensorFlow or TFX."""

import dataclasses
from collections.abc import Mapping, Sequence

from components.evaluator.metrics.measurement import Estimate
from components.evaluator.report import Report
from components.example_gen.near_duplicates.pairs import Pair
from components.example_gen.records.quarantine import Summary
from schema.node_record import NodeRecord

Curve = tuple[tuple[int, float], ...]
"""Steps and values of the training."""


@dataclasses.dataclass(frozen=True)
class Gate:
    """The result of a gate.

    Attributes:
        passed: whether it held.
        sentence: metric, value, interval and bound in one line.
        estimate: what was compared; None where that is more than one number.
        bound: the smallest or largest value that passes.
        at_least: whether the bound is the smallest one.
    """

    passed: bool
    sentence: str
    estimate: Estimate | None = None
    bound: float | None = None
    at_least: bool = True


@dataclasses.dataclass(frozen=True)
class Picture:
    """An image of the evaluated split.

    Attributes:
        key: of its record.
        source: a small copy as a `data:` URI; None where it cannot be decoded.
        captions: of the record.
        attributes: of the record, by name.
    """

    key: str
    source: str | None
    captions: tuple[str, ...]
    attributes: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class NearImage:
    """An image near a text, its similarity, and whether the text is one of its captions."""

    picture: Picture
    similarity: float
    is_match: bool


@dataclasses.dataclass(frozen=True)
class NearText:
    """A text near an image, its similarity, and whether it is one of the image's captions."""

    text: str
    similarity: float
    is_match: bool


@dataclasses.dataclass(frozen=True)
class TextQuery:
    """A text, the rank of its best match, and the images nearest to it."""

    text: str
    rank: float
    nearest: tuple[NearImage, ...]


@dataclasses.dataclass(frozen=True)
class ImageQuery:
    """An image, the rank of the best of its captions, and the texts nearest to it."""

    picture: Picture
    rank: float
    nearest: tuple[NearText, ...]


@dataclasses.dataclass(frozen=True)
class Miss:
    """A text whose image ranks low, and the image that ranks first instead."""

    text: str
    rank: float
    right: NearImage
    first: NearImage


@dataclasses.dataclass(frozen=True)
class Hub:
    """The image that ranks first for the most texts, for how many, and for how many rightly."""

    picture: Picture
    first_for: int
    rightly: int


@dataclasses.dataclass(frozen=True)
class Gallery:
    """Examples of what the model finds.

    Attributes:
        records: that were embedded.
        of_records: in the split; more than `records` if they are a sample.
        texts: distinct ones of the embedded records.
        hub: None if no image ranks first for several texts.
    """

    records: int
    of_records: int
    texts: int
    queries: tuple[TextQuery, ...]
    images: tuple[ImageQuery, ...]
    misses: tuple[Miss, ...]
    hub: Hub | None = None

    @property
    def is_sample(self) -> bool:
        """Whether only a part of the split was embedded."""
        return self.records < self.of_records


@dataclasses.dataclass(frozen=True)
class Data:
    """What is known of the data.

    Attributes:
        summary: counts of the ingest.
        rejected: the first quarantined records: (record, reason).
        near_duplicates: pairs of a record outside train and one in train.
        anomalies: (split, feature, sentence).
        warnings: sentences about quarantine, drift and near duplicates.
        notes: what was not compared or not read.
        image_sides: median width and height of the train images in pixels; None: unknown.
        values: records of the train split by attribute and value.
    """

    summary: Summary
    rejected: tuple[tuple[str, str], ...] = ()
    near_duplicates: tuple[Pair, ...] = ()
    anomalies: tuple[tuple[str, str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    image_sides: tuple[float, float] | None = None
    values: Mapping[str, Mapping[str, int]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Advice:
    """What to try next: a short title, the figure behind it, and what to do."""

    title: str
    figure: str
    action: str


@dataclasses.dataclass(frozen=True)
class Facts:
    """Everything that a report says of a run.

    Attributes:
        name: of the pipeline.
        run: its name; None inside of the run.
        verdict: one sentence.
        passed: whether every gate held.
        baseline: the release it was compared with.
        gates: all, in order.
        evaluation: all measurements.
        curves: of the training, by name.
        data: about the records.
        gallery: examples.
        warnings: of the training and the evaluation.
        config: of the run, nested as its JSON is.
        versions: of Python and of libraries, by name.
        digests: of model, data and evaluation, by name.
        nodes: how each node went; empty inside of the run.
    """

    name: str
    run: str | None
    verdict: str
    passed: bool
    baseline: int | None
    gates: Sequence[Gate]
    evaluation: Report
    curves: Mapping[str, Curve]
    data: Data
    gallery: Gallery
    warnings: Sequence[str]
    config: Mapping[str, object]
    versions: Mapping[str, str]
    digests: Mapping[str, str]
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)
    nodes: Sequence[NodeRecord] = ()
