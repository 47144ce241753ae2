"""What a vocabulary holds, and the checks of a given one. Free of TensorFlow, for the config."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from schema.errors import InputError
from schema.text.messages import excerpt_of

if TYPE_CHECKING:
    from trainer.config.model import TextConfig

PADDING, UNKNOWN = "[PAD]", "[UNK]"
KEY = "text.vocabulary"
# What a learned vocabulary spells unknown characters with: bytes of UTF-8, or halves of them where
# 256 pieces would take more than a quarter of it.
BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))
HALF_BYTES = tuple(f"<0x{half:X}>" for half in range(16))
LARGEST = 16 << 20  # bytes of a file of them; the largest of published models have 5 MB
LONGEST_PIECE = 100  # characters; a longer one of a given vocabulary is never used


def reserved_pieces(size: int) -> tuple[str, ...]:
    """The first pieces of a learned vocabulary of so many; their line numbers are their ids."""
    return (PADDING, UNKNOWN, *(BYTES if size >= 4 * len(BYTES) else HALF_BYTES))


def pieces_of(content: bytes, config: "TextConfig") -> Sequence[str]:
    """The pieces of a vocabulary file, checked.

    Args:
        content: of the file; one piece a line, as BERT's vocab.txt.
        config: says what it must hold.

    Raises:
        InputError: names the file and the line or the piece.
    """
    place = f"{KEY} = {config.vocabulary}"
    try:
        pieces = content.decode("utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{place} is no UTF-8 text") from error
    if pieces[0] != PADDING:
        raise InputError(
            f"{place}: its first line is {excerpt_of(pieces[0])}; it must be {PADDING}, as 0 is "
            "padding"
        )
    lines: dict[str, int] = {}
    for number, piece in enumerate(pieces, 1):
        if piece in lines:
            raise InputError(
                f"{place}: line {number} repeats {excerpt_of(piece)} of line {lines[piece]}"
            )
        lines[piece] = number
    needed = [("a vocabulary", UNKNOWN), *((f"text.{key}", piece) for key, piece in config.around)]
    for who, piece in needed:
        if piece not in lines:
            raise InputError(f"{place} lacks {excerpt_of(piece)}, which {who} needs")
    if len(pieces) > config.vocabulary_size:
        raise InputError(
            f"{place} holds {len(pieces)} pieces, more than text.vocabulary_size = "
            f"{config.vocabulary_size}"
        )
    return pieces
