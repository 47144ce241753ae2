"""Digests of the source that each node runs, so that editing code is never hidden by the cache.

TFX's cache sees a node's inputs, parameters and executor class, not the code behind the class. Data
files of ours, such as `schema.pbtxt`, and plugins reach a node as parameters, which it compares.
"""

import hashlib

from components.nodes import NODES
from schema.errors import InputError
from schema.system.source_files import PACKAGES, own_files, source_files


def node_digest(node_id: str) -> str:
    """Digest all files that a node runs, of ours or of its plugin, without importing any of them.

    Raises:
        InputError: the node of a plugin names a module that does not exist.

    Returns:
        16 hex digits, the same in a checkout, an installed wheel and an image.
    """
    modules = NODES[node_id].modules
    ours = [name for name in modules if name.partition(".")[0] in PACKAGES]
    files = own_files(ours)
    for name in modules:
        if name not in ours:  # of a plugin's node
            listed = source_files(name)
            if not listed:
                raise InputError(
                    f"the node {node_id!r} names the module {name}, which is not there"
                )
            files |= {f"{name} {number}": file for number, file in enumerate(listed)}
    digest = hashlib.sha256()
    for module, file in sorted(files.items()):
        content = file.read_bytes()
        digest.update(f"{module} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]
