"""How much of a text is read at once: nothing larger ever comes into memory."""

from components.example_gen.readers import ReadOptions
from components.example_gen.readers.sidecar import MAX_TEXT_BYTES


def longest_line(options: ReadOptions) -> int:
    """Bytes of the longest line or cell that is read: an image in base64, and captions."""
    return options.max_bytes * 4 // 3 + MAX_TEXT_BYTES
