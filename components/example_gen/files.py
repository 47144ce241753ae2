"""The files of the data, and the parts of them that can be read apart."""

from collections.abc import Iterator, Mapping

from components.example_gen.config import IngestConfig
from components.example_gen.readers import ReadOptions
from components.example_gen.readers.registry import READERS, recognise
from components.example_gen.storage import open_file, urls
from components.example_gen.storage.allowed import Access, access_of
from schema.errors import InputError

SHOWN = 5  # names of what is there, where nothing matches
Part = tuple[str, str, str, int]  # split, name of a reader, file, which part of it


def find(base: str, pattern: str, access: Access) -> list[str]:
    """The files of one split, sorted.

    Args:
        base: folder of the data.
        pattern: a glob below it.
        access: what may be read.

    Raises:
        InputError: no file matches, and the sentence says what there is instead; or one is a link
            to where nothing may be read.
    """
    found = open_file.glob(base, pattern)
    if not found:
        raise InputError(_nothing(base, pattern))
    for each in found:
        access.allowed.check(each)
    return found


def _nothing(base: str, pattern: str) -> str:
    told = f"{open_file.shown(open_file.join(base, pattern))} matches no file"
    if urls.is_web(base):  # whose folders cannot be listed
        return told
    there = [urls.printable(open_file.name(each)) for each in open_file.glob(base, "*")]
    if there:
        more = f" and {len(there) - SHOWN:,} more" if len(there) > SHOWN else ""
        return f"{told}; {open_file.shown(base)} holds {', '.join(there[:SHOWN])}{more}"
    return told if open_file.exists(base) else f"{open_file.shown(base)}: is not there"


def read_options(config: IngestConfig) -> ReadOptions:
    """What readers go by."""
    return ReadOptions(
        config.columns, config.attributes, config.max_bytes, config.path, access_of(config)
    )


def find_parts(base: str, globs: Mapping[str, str], config: IngestConfig) -> Iterator[Part]:
    """The parts of every split's files that can be read apart.

    Args:
        base: folder of the data.
        globs: below it, by split.
        config: of the data.
    """
    options = read_options(config)
    for split, pattern in globs.items():
        files = find(base, pattern, options.access)
        name = recognise(files) if config.format == "auto" else config.format
        for file in files:
            for number in range(READERS[name].parts(file, options)):
                yield split, name, file, number
