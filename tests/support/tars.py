"""Tars of given members, plain and packed."""

import bz2
import gzip
import io
import json
import lzma
import tarfile

import zstandard


class Kind(bytes):
    """The type of a member that is no file."""


LINK, HARD_LINK = Kind(tarfile.SYMTYPE), Kind(tarfile.LNKTYPE)
PIPE, DEVICE, FOLDER = Kind(tarfile.FIFOTYPE), Kind(tarfile.CHRTYPE), Kind(tarfile.DIRTYPE)


def tar(members: dict | list, kind: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind) as made:
        for name, body in members.items() if isinstance(members, dict) else members:
            info = tarfile.TarInfo(name)
            if isinstance(body, Kind):
                info.type, info.linkname = bytes(body), "elsewhere"
                made.addfile(info)
            else:
                info.size = len(body)
                made.addfile(info, io.BytesIO(body))
    return out.getvalue()


def meta(**values) -> bytes:
    return json.dumps(values).encode()


PACKED = {
    "a.tar": lambda body: body,
    "a.tar.gz": gzip.compress,
    "a.tgz": lambda body: gzip.compress(body[:3000]) + gzip.compress(body[3000:]),
    "a.tar.bz2": bz2.compress,
    "a.tar.xz": lzma.compress,
    "a.tar.zst": lambda body: (
        zstandard.compress(body[:3000]) + zstandard.ZstdCompressor().compress(body[3000:])
    ),
}
