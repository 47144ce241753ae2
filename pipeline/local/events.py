"""The events that `diptych run --json` and `diptych check --json` write: one JSON object a line.

docs/events.md explains them to whoever reads them; a test compares it with these classes.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

VERSION = 1
"""Of this format. It rises when an event or a value goes or changes its meaning; new ones may come
at any time, and readers should ignore what they do not know."""

Value = float | int | str


class Event(BaseModel):
    """What every event has."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True
    )

    time: str
    """When it was written, in UTC: '2026-03-01T14:05:09.250+00:00'."""


class RunStarted(Event):
    """The run began; the first event."""

    event: Literal["run_started"]
    version: int
    """Of this format."""
    name: str
    """Of the pipeline, from the config."""
    log: str
    """Path of the log, which gets all other output."""


class Planned(Event):
    """The pipeline was built."""

    event: Literal["planned"]
    nodes: tuple[str, ...]
    """Ids of all nodes in the order in which they will start."""


class NodeStarted(Event):
    """A node started; `set-up`, which is not one, imports the libraries and builds the pipeline."""

    event: Literal["node_started"]
    node: str
    """Its id."""


class NodeProgress(Event):
    """How far a node is, at most once a second."""

    event: Literal["node_progress"]
    node: str
    """Its id."""
    values: dict[str, Value]
    """What it reports, by name: see the table of values."""


class NodeEnded(Event):
    """What the events at the end of a node have."""

    node: str
    """Its id."""
    seconds: float
    """That it took."""
    peak_bytes: int | None
    """The most memory that the process and its children had meanwhile; null: unknown."""


class NodeFinished(NodeEnded):
    """A node ran to its end."""

    event: Literal["node_finished"]


class NodeCached(NodeEnded):
    """The outputs of a node came from the cache."""

    event: Literal["node_cached"]


class NodeFailed(NodeEnded):
    """A node failed; the sentence of the verdict says why."""

    event: Literal["node_failed"]


class NodeStopped(NodeEnded):
    """A signal ended a node."""

    event: Literal["node_stopped"]


class Warned(Event):
    """Something is wrong that does not stop the run; each sentence comes once."""

    event: Literal["warning"]
    sentence: str
    """For people."""


class Noted(Event):
    """Something could not be looked at."""

    event: Literal["note"]
    sentence: str
    """For people."""


class GateDecided(Event):
    """How a gate went."""

    event: Literal["gate"]
    passed: bool
    """Whether the model met it."""
    sentence: str
    """The metric, its value, its interval and its bound."""


class DataCounted(Event):
    """What a check counted in the data; a check that failed early comes to none."""

    event: Literal["data"]
    read: int
    """Records that were read."""
    examples: dict[str, int]
    """Records that can be used, by split."""
    merged: int
    """Records that joined an earlier one of the same image."""
    quarantined: dict[str, int]
    """Records that are not used, by reason."""
    near_duplicates: dict[str, int]
    """Images that look like one of train's, by split."""
    captions_dropped: dict[str, int]
    """Captions that are left out, by reason."""
    images_changed: dict[str, int]
    """Images that were encoded anew, by what was done."""
    unknown_token_share: float | None
    """Of the tokens of the evaluated split; null: not measured, since the check failed."""
    equal_caption_share: float | None
    """Of its different captions, those that have the tokens of another one; null likewise."""


class Files(Event):
    """Where the results are; null: the run came to none."""

    event: Literal["files"]
    log: str
    """The log of the run."""
    record: str
    """Its record, JSON: verdict, gates, warnings, all metrics, nodes with seconds and memory."""
    release: str | None
    """The folder of the release that it made."""
    serving: str | None
    """The folder that TensorFlow Serving reads, with all releases."""
    curves: str | None
    """The folder of the training's curves, for TensorBoard."""


class Verdict(Event):
    """The outcome; the last event."""

    event: Literal["verdict"]
    outcome: Literal["shipped", "refused", "usable", "failed", "stopped"]
    """`shipped`: the model serves; `refused`: it waits as a challenger; `usable`: the data is."""
    sentence: str
    """For people."""
    release: int | None
    """The number of the release that it made."""


AnyEvent = Annotated[
    RunStarted
    | Planned
    | NodeStarted
    | NodeProgress
    | NodeFinished
    | NodeCached
    | NodeFailed
    | NodeStopped
    | Warned
    | Noted
    | GateDecided
    | DataCounted
    | Files
    | Verdict,
    Field(discriminator="event"),
]
EVENTS: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)
"""Validates one event."""
