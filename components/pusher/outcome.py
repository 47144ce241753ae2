"""Push a release, and record the outcome for the summary and for `diptych why`."""

from pathlib import Path

from components.release.contents import Contents
from components.release.gates import RefusedError
from components.release.store import ReleaseStore
from schema.config.section import Frozen

FILE = "pushed.json"


class Outcome(Frozen):
    """What became of a model that was pushed."""

    release: int
    """Its number."""

    champion: bool
    """Whether it serves now."""

    sentence: str
    """Why it serves, or why not."""


def push(store: ReleaseStore, release: Contents) -> Outcome:
    """Publish a release and promote it if its gates allow that."""
    number = store.publish(release.write, release.bytes())
    decision = release.gathered.decision
    try:
        moved = store.promote(number, decision, by=f"run of {release.config['name']}")
    except RefusedError as error:
        return Outcome(release=number, champion=False, sentence=str(error))
    instead = f", in place of release {decision.baseline}" if moved and decision.baseline else ""
    sentence = f"release {number} {'serves now' if moved else 'serves already'}{instead}"
    return Outcome(release=number, champion=True, sentence=sentence)


def write(folder: Path, outcome: Outcome) -> None:
    """Write the outcome into a Pusher's artifact."""
    (folder / FILE).write_text(outcome.model_dump_json() + "\n", encoding="utf-8")


def read(folder: Path) -> Outcome:
    """Read the outcome from a Pusher's artifact."""
    return Outcome.model_validate_json((folder / FILE).read_text(encoding="utf-8"))
