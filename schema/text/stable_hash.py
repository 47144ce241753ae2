"""Hash text to the same number in every process, unlike Python's own `hash`."""

import hashlib


def hash_of(text: str) -> int:
    """Return 64 bits that look random."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
