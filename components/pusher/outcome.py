"""What became of a model that was pushed, for the summary and for `diptych why`."""

from pathlib import Path

from schema.config.section import Frozen

FILE = "pushed.json"


class Outcome(Frozen):
    """`champion` is whether it serves now; `sentence` says why or why not."""

    release: int
    champion: bool
    sentence: str


def write(folder: Path, outcome: Outcome) -> None:
    """Write it into a Pusher's artifact."""
    (folder / FILE).write_text(outcome.model_dump_json() + "\n", encoding="utf-8")


def read(folder: Path) -> Outcome:
    """Read it from a Pusher's artifact."""
    return Outcome.model_validate_json((folder / FILE).read_text(encoding="utf-8"))
