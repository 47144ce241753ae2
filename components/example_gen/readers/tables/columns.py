"""Choose the columns of a table: those that the config names, or those with usual names."""

import dataclasses
from collections.abc import Collection, Iterable
from typing import Final

from components.example_gen.readers.registry import OFF, ReadOptions
from components.example_gen.storage import urls
from components.example_gen.storage.urls import find_name, shown
from schema import features
from schema.errors import InputError

# Our own names and usual ones, tried in order; the first that exists is read. `label` is not among
# those of `labels`: it is mostly the class of an image.
USUAL: Final = {
    "image": (
        *(features.IMAGE_ENCODED, "image", "jpg", "png", "jpeg", "webp", "img", "image_bytes"),
        *("image_path", "image_file", "file_name", "filename", "file_path", "filepath", "path"),
    ),
    "captions": (
        *(features.CAPTIONS, "captions", "caption", "text", "sentences", "title", "description"),
        *("image/caption", "image/captions"),
    ),
    "key": (
        *(features.IMAGE_KEY, "key", "image_key", "image_id", "id", "__key__"),
        *("image/id", "image/image_id", "image/filename"),
    ),
    "labels": (features.LABELS, "labels"),
}


@dataclasses.dataclass(frozen=True)
class Columns:
    """The columns that are read; `root` is where the names of images start."""

    image: str
    captions: tuple[str, ...]
    key: str | None
    labels: str | None
    attributes: tuple[str, ...]
    root: str

    @property
    def all(self) -> list[str]:
        """Each once."""
        single = [name for name in (self.image, self.key, self.labels) if name is not None]
        return list(dict.fromkeys([*single, *self.captions, *self.attributes]))


def find_columns(file: str, there: Collection[str], options: ReadOptions) -> Columns:
    """Choose among the columns of a file.

    Args:
        file: its address, for the sentence.
        there: names of all its columns.
        options: what the config names.

    Raises:
        InputError: one that the config names is missing, or no image or caption column is known.
    """
    named = options.columns

    def column(field: str, name: str | None) -> str | None:
        return _usual(field, there) if name is None else _named(file, there, field, name)

    image, labels = column("image", named.image), column("labels", named.labels)
    key = None if named.key == OFF else column("key", named.key)
    texts = (named.captions,) if isinstance(named.captions, str) else named.captions or (None,)
    captions = tuple(filter(None, [column("captions", text) for text in texts]))
    for field, chosen in (("image", image), ("captions", captions)):
        if not chosen:
            raise InputError(
                f"{shown(file)}: none of its columns ({_listed(there)}) has a usual name of the "
                f"{field}; name it in data.columns.{field}"
            )
    assert image is not None
    return Columns(
        image,
        captions,
        key,
        labels,
        tuple(name for name in options.attributes if name in there),
        options.root or urls.parent(file),
    )


def _usual(field: str, there: Collection[str]) -> str | None:
    return next((name for name in USUAL[field] if name in there), None)


def _named(file: str, there: Collection[str], field: str, name: str) -> str:
    spelled = find_name(name, there)
    if spelled is None:
        raise InputError(
            f"{shown(file)}: has no column {name!r}, which data.columns.{field} names; "
            f"its columns are {_listed(there)}"
        )
    return spelled


def _listed(there: Iterable[str]) -> str:
    names = list(there)
    more = [f"and {len(names) - 20} more"] if len(names) > 20 else []
    return ", ".join([repr(name[:40]) for name in names[:20]] + more) or "none"
