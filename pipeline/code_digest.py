"""Digests of the source that each node runs, so that editing code is never hidden by the cache.

TFX's cache sees a node's inputs, parameters and executor class, not the code behind the class. Data
files of ours, such as `schema.pbtxt`, and plugins reach a node as parameters, which it compares.
"""

import hashlib

from components.nodes import NODES
from schema.system.source_files import own_files


def node_digest(node_id: str) -> str:
    """Digest all files of ours that a node runs, without importing any of them.

    Returns:
        16 hex digits, the same in a checkout, an installed wheel and an image.
    """
    digest = hashlib.sha256()
    for module, file in sorted(own_files(NODES[node_id].modules).items()):
        content = file.read_bytes()
        digest.update(f"{module} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]
