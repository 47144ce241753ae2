"""Vocabularies of word pieces and their checks. Free of TensorFlow, for the config."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from schema.errors import InputError
from schema.text.messages import excerpt_of
from trainer.weights import places
from trainer.weights.source import Kind, parse

if TYPE_CHECKING:
    from trainer.config.transform import TextConfig

PADDING, UNKNOWN = "[PAD]", "[UNK]"
KEY = "text.vocabulary"
# A learned vocabulary spells unknown characters in bytes of UTF-8, or in half bytes if 256 pieces
# were more than a quarter of it.
BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))
HALF_BYTES = tuple(f"<0x{half:X}>" for half in range(16))
LARGEST = 16 << 20  # bytes of a file; those of published models have up to 5 MB
LONGEST_PIECE = 100  # characters; longer pieces of a vocabulary are never used


def reserved_pieces(size: int) -> tuple[str, ...]:
    """Return the first pieces of a learned vocabulary; line numbers are their ids.

    Args:
        size: of the vocabulary.
    """
    return (PADDING, UNKNOWN, *(BYTES if size >= 4 * len(BYTES) else HALF_BYTES))


def file_of(config: "TextConfig") -> str:
    """Return the path of the vocabulary that the config names.

    Raises:
        InputError: the package that it names is not installed, or holds no vocabulary.
    """
    assert config.vocabulary is not None
    source = parse(config.vocabulary)
    return (
        places.file_of(KEY, source, (places.VOCABULARY,))
        if source.kind is Kind.PACKAGE
        else source.name
    )


def pieces_of(content: bytes, config: "TextConfig") -> Sequence[str]:
    """Read and check the pieces of a vocabulary file.

    Args:
        content: of the file, one piece a line, like BERT's vocab.txt.
        config: names pieces that it must hold, and its largest size.

    Raises:
        InputError: the file cannot be used; names it and the line or the piece.
    """
    place = f"{KEY} = {config.vocabulary}"
    try:
        pieces = content.decode("utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{place} is not UTF-8 text") from error
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
