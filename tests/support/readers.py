"""What the tests of the readers share: real images, and the rows of a file."""

import io
from collections import Counter
from pathlib import Path

from PIL import Image

from components.example_gen.readers.registry import ColumnsConfig, Reader, ReadOptions
from components.example_gen.rows import Ignored, Rejected, Row
from components.example_gen.storage import named_files, urls
from components.example_gen.storage.allowed import Access, Allowed
from components.example_gen.storage.web_hosts import HostPattern


def picture(kind: str = "png", shade: int = 9) -> bytes:
    """A small image; another shade is another image."""
    out = io.BytesIO()
    Image.new("RGB", (4, 3), (shade, 99, 199)).save(out, kind)
    return out.getvalue()


def options(
    *attributes: str, max_bytes: int = 1 << 20, root: str | Path = "", **columns
) -> ReadOptions:
    """What a reader goes by; every path of this machine and of one bucket may be read."""
    access = Access(Allowed(("/", "s3://bucket")))
    return ReadOptions(ColumnsConfig(**columns), attributes, max_bytes, str(root), access)


def everything(reader: Reader, file: str | Path, given: ReadOptions | None = None) -> list:
    """Rows and rejections of all parts of a file."""
    return [each for each in _all(reader, file, given) if not isinstance(each, Ignored)]


def ignored(reader: Reader, file: str | Path, given: ReadOptions | None = None) -> dict[str, int]:
    """How many files of which kind are only counted."""
    found = _all(reader, file, given)
    return dict(Counter(each.kind for each in found if isinstance(each, Ignored)))


def _all(reader: Reader, file: str | Path, given: ReadOptions | None) -> list:
    given = given or options()
    count = reader.parts(str(file), given)
    return [each for part in range(count) for each in reader.read(str(file), part, given)]


def rows(reader: Reader, file: str | Path, given: ReadOptions | None = None) -> list[Row]:
    """The rows of a file that has no rejection."""
    found = everything(reader, file, given)
    assert [each for each in found if not isinstance(each, Row)] == []
    return found


def reasons(found: list) -> list[str]:
    """Of each row 'row', of each rejection its reason."""
    return [each.reason if isinstance(each, Rejected) else "row" for each in found]


def read_bytes(address: str, limit: int) -> bytes:
    """The bytes of a file that a person named; of a longer one the first `limit` + 1."""
    own = "/" if urls.is_local(address) else address
    if urls.is_web(address):
        try:
            HostPattern.at(address)
        except ValueError:
            own = "https://h"  # any: the address is refused
    return named_files.read(address, limit, Access(Allowed((own,))))
