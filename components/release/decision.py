"""Whether a release may become champion, by what its gates said and by what serves now."""

from components.release.files.manifest import Manifest
from components.release.gates import Decision
from schema.errors import InputError


class RefusedError(InputError):
    """The release may not become champion; the message says why."""


def decision_of(content: Manifest) -> Decision:
    """Return what the gates said of a release when it was made."""
    refusals = tuple(gate.sentence for gate in content.gates if not gate.passed)
    return Decision(baseline=content.baseline, passed=content.passed, refusals=refusals)


def refuse_unless_allowed(number: int, decision: Decision, champion: int | None) -> None:
    """Let pass what passed its gates in comparison with the champion.

    Raises:
        RefusedError: a gate refused the release, or it was compared with another release.
    """
    if not decision.passed:
        raise RefusedError("; ".join(decision.refusals))
    if decision.baseline != champion:
        compared = described(decision.baseline)
        raise RefusedError(
            f"release {number} was compared with {compared}, and {described(champion)} serves now"
        )


def described(number: int | None) -> str:
    """Name a release, or nothing."""
    return "nothing" if number is None else f"release {number}"
