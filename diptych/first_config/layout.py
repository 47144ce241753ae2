"""Find out how the data of a folder is laid out: its format, and the files of each split."""

import dataclasses
import glob
import itertools
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from components.example_gen.readers.parsing.file_kinds import stem_of
from components.example_gen.readers.recognition import recognise
from components.example_gen.readers.registry import READERS
from components.example_gen.records.splits import TRAIN
from components.example_gen.storage.urls import printable
from diptych.first_config.listing import Listing, described
from schema.errors import InputError

EVAL = "eval"
FOLDER, COCO = "folder", "coco"
_TRAIN_WORDS = ("train", "training")
# Of several the first one is evaluated; the others are left for a last test.
_EVAL_WORDS = ("eval", "evaluation", "val", "valid", "validation", "dev", "test", "testing")
_EXAMINED = 50  # files in JSON, to find those that are tables
LAYOUTS = "docs/data.md shows the layouts that are read"


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where the pairs are.

    Attributes:
        format: name of the reader.
        folder: absolute.
        splits: a glob by split; empty: `files` are split by a hash of the keys.
        files: a glob of the files where there are no splits; empty: there are.
        names: paths of the files from the folder on, of a folder of images none.
        left_out: words for splits that are in no split of the config, such as 'test'.
    """

    format: str
    folder: str
    splits: Mapping[str, str]
    files: str = ""
    names: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def find_layout(listing: Listing, format_name: str | None = None) -> Layout:
    """Decide which files of a folder are the data.

    Args:
        listing: of the folder.
        format_name: of the reader; None: the one that the files are for.

    Raises:
        InputError: there are no pairs, or files of several formats.
    """
    if format_name is not None and format_name not in READERS:
        raise InputError(f"--format {format_name}: choose one of {', '.join(sorted(READERS))}")
    name = format_name or _format(listing)
    if name == FOLDER:
        return _of_folder(listing)
    names = listing.tables.get(name) or _in_json(listing).get(name)
    if not names:
        raise InputError(
            f"{_shown(listing)}: holds no {READERS[name].description.removeprefix('a ')}"
        )
    return _of_files(listing, name, names)


def _format(listing: Listing) -> str:
    """Return the name of the reader that the files of a folder are for."""
    if listing.images and (listing.metadata or 2 * listing.captioned >= len(listing.images)):
        return FOLDER
    tables = listing.tables or _in_json(listing)
    if len(tables) > 1:
        kinds = [f"{READERS[name].description} such as {printable(names[0])}"
                 for name, names in sorted(tables.items())]  # fmt: skip
        raise InputError(
            f"{_shown(listing)}: holds {' and '.join(kinds)}; choose by --format "
            f"{' or '.join(sorted(tables))}"
        )
    if tables:
        return next(iter(tables))
    if listing.captioned:
        return FOLDER
    if listing.images:
        raise InputError(
            f"{_shown(listing)}: holds {described(listing)}, and no captions: put 1.txt beside "
            f"1.jpg, a caption a line, or a table with file names and captions; {LAYOUTS}. Without "
            "captions, images can be searched: `diptych search RELEASE --images FOLDER`"
        )
    raise InputError(
        f"{_shown(listing)}: holds {described(listing)}, and no images with captions; {LAYOUTS}"
    )


def _in_json(listing: Listing) -> dict[str, list[str]]:
    """Return the `.json` files that are tables, by the name of the reader."""
    tables: dict[str, list[str]] = {}
    stems = {stem_of(name) for name in listing.images}
    alone = [name for name in listing.jsons if stem_of(name) not in stems]
    for name in alone[:_EXAMINED]:
        try:
            kind = recognise([str(listing.folder / name)])
        except InputError:
            continue
        tables.setdefault(kind, []).append(name)
    # COCO's folders hold boxes and key points in files of the same form.
    captions = [name for name in tables.get(COCO, ()) if "caption" in name.lower()]
    if captions:
        tables[COCO] = captions
    return tables


def _of_folder(listing: Listing) -> Layout:
    tops = {name.partition("/")[0] for name in listing.images if "/" in name}
    chosen, left_out = _choose({top: [top] for top in sorted(tops)})
    folder = str(listing.folder)
    if not chosen:
        return Layout(FOLDER, folder, {}, ".")
    splits = {split: glob.escape(names[0]) for split, names in chosen.items()}
    return Layout(FOLDER, folder, splits, left_out=left_out)


def _of_files(listing: Listing, format_name: str, names: Sequence[str]) -> Layout:
    folder = str(listing.folder)
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(_word_of(name), []).append(name)
    chosen, left_out = _choose(groups)
    globs = {split: _glob_of(folder, group) for split, group in chosen.items()}
    if globs and all(globs.values()):
        used = tuple(name for group in chosen.values() for name in group)
        return Layout(format_name, folder, globs, "", used, left_out)
    pattern = _glob_of(folder, names)
    if not pattern:
        raise InputError(
            f"{_shown(listing)}: no pattern of names fits {printable(names[0])} and the other "
            f"files of the data, and no other file; put them into a folder of their own"
        )
    return Layout(format_name, folder, {}, pattern, tuple(names))


def _word_of(path: str) -> str:
    """Return the word for a split in a path, the one nearest to its end; may be empty."""
    known = {*_TRAIN_WORDS, *_EVAL_WORDS}
    for part in reversed(path.split("/")):
        for word in re.findall("[a-z]+", part.lower()):
            if word in known:
                return str(word)
    return ""


def _choose(groups: Mapping[str, list[str]]) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """Choose the groups that are trained on and evaluated, by words in their names.

    Returns:
        The groups by split, none if one of both is missing; and the words that were not used.
    """
    by_word: dict[str, list[str]] = {}
    for name, group in groups.items():
        if word := _word_of(name):
            by_word.setdefault(word, []).extend(group)
    train, held_out = _first(_TRAIN_WORDS, by_word), _first(_EVAL_WORDS, by_word)
    if train is None or held_out is None:
        return {}, ()
    left_out = tuple(sorted(by_word.keys() - {train, held_out}))
    return {TRAIN: by_word[train], EVAL: by_word[held_out]}, left_out


def _first(words: Iterable[str], there: Collection[str]) -> str | None:
    return next((word for word in words if word in there), None)


def _glob_of(folder: str, names: Sequence[str]) -> str:
    """Return a glob below a folder that matches these files and no others; empty: none does."""
    if len(names) == 1:
        return glob.escape(names[0])
    start = re.sub("[0-9]+$", "", _common_start(names))
    above, slash, beginning = start.rpartition("/")
    here, beginning = glob.escape(above) + slash, glob.escape(beginning)
    endings = {name.rpartition("/")[2].partition(".")[2] for name in names}
    kinds = {re.match("[A-Za-z]*", ending)[0] for ending in endings}  # type: ignore[index]
    patterns = [f"{here}{beginning}*.{ending}" for ending in endings]
    patterns += [f"{here}{beginning}*.{kind}*" for kind in kinds]
    patterns += [f"{here}{beginning}*", *(f"{here}**/*.{kind}*" for kind in kinds)]
    return next((p for p in patterns if _matches(folder, p) == sorted(names)), "")


def _common_start(names: Sequence[str]) -> str:
    first, last = min(names), max(names)  # between these all others stand
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return "".join(one for one, _ in same)


def _matches(folder: str, pattern: str) -> list[str]:
    return sorted(glob.glob(pattern, root_dir=folder, recursive=True))  # noqa: PTH207  as ingest


def _shown(listing: Listing) -> str:
    return printable(str(listing.folder))
