"""Errors whose message is a sentence for the user."""

import re
from typing import Any


class InputError(Exception):
    """An input of the user cannot be used; the message is one sentence that names it.

    The message names the file, record or key, and reads well on its own: the command line prints
    it, without a traceback.

    Args:
        sentences: mostly one. Each is printed as a line of its own; a line break inside of one is
            foreign text and is not printed as a break.
    """

    def __init__(self, *sentences: str):
        super().__init__(*sentences)

    def __str__(self) -> str:
        return "\n".join(self.sentences)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The lines that the command line prints."""
        return tuple(map(str, self.args))


class UnavailableError(InputError):
    """A process, a store or a disk that the work needs has failed; nothing was judged.

    It is never turned into a refusal of a record, a trial or a model: what is refused stays refused
    as long as the cache holds, and this may be over when the run is started again.
    """


class ConfigError(InputError):
    """The config cannot be used and nothing was run; the message is one line."""


class RunFailedError(Exception):
    """The run ended early; the message is one sentence and names the log.

    Args:
        sentence: the message.
        outputs: artifacts of the nodes that were done by then, by node and output.
    """

    def __init__(self, sentence: str, outputs: dict[str, dict[str, list[Any]]] | None = None):
        super().__init__(sentence)
        self.outputs = outputs or {}


_LONGEST_LINE = 300  # characters of the message of an unforeseen error

# Beam re-raises an exception of a DoFn with its stage appended, and across processes as the text
# of a RuntimeError that holds the whole remote traceback.
_IN_TRACEBACK = re.compile(
    r"(?:Input|Unavailable)Error: (.+?)(?: \[while running.*)?$", re.MULTILINE
)
_STAGE = re.compile(r" \[while running.*", re.DOTALL)


def sentence_for_people(error: BaseException) -> str | None:
    """Return the sentence of the `InputError` behind an error; None: there is none."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, InputError):
            return _STAGE.sub("", str(seen))
        seen = seen.__cause__ or seen.__context__
    sentences = _IN_TRACEBACK.findall(str(error))
    return sentences[-1] if sentences else None


_OF_PYDANTIC = "For further information visit"  # its last line, about its own documentation


def last_line(error: BaseException) -> str:
    """Describe an error that nobody foresaw: its type, and the last line of its message."""
    lines = [line.strip() for line in str(error).strip().splitlines()]
    own_lines = [line for line in lines if not line.startswith(_OF_PYDANTIC)] or [""]
    return f"{type(error).__name__}: {own_lines[-1][:_LONGEST_LINE]}"
