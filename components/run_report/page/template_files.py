"""The files that the page is rendered from, apart from what renders it and takes long to import."""

import hashlib
from pathlib import Path
from typing import Final

TEMPLATES: Final = Path(__file__).parent / "templates"


def templates_digest() -> str:
    """Digest the files; they are no source that a cache sees."""
    digest = hashlib.sha256()
    for path in sorted(TEMPLATES.iterdir()):
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]
