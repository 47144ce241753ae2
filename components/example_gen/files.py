"""The files of the data, and the parts of them that can be read apart."""

from collections.abc import Iterator, Mapping

from components.example_gen import storage
from components.example_gen.config import IngestConfig
from components.example_gen.readers import ReadOptions
from components.example_gen.readers.recognise import READERS, recognise
from schema.errors import InputError

Part = tuple[str, str, str, int]  # split, name of a reader, file, which part of it


def find(base: str, pattern: str) -> list[str]:
    """The files of one split, sorted.

    Raises:
        InputError: no file matches.
    """
    found = storage.glob(base, pattern)
    if not found:
        raise InputError(f"{storage.shown(storage.join(base, pattern))} matches no file")
    return found


def read_options(config: IngestConfig) -> ReadOptions:
    """What readers are told."""
    return ReadOptions(config.columns, config.attributes, config.max_bytes)


def find_parts(base: str, globs: Mapping[str, str], config: IngestConfig) -> Iterator[Part]:
    """The parts of every split's files that can be read apart.

    Args:
        base: folder of the data.
        globs: below it, by split.
        config: of the data.
    """
    options = read_options(config)
    for split, pattern in globs.items():
        files = find(base, pattern)
        name = recognise(files) if config.format == "auto" else config.format
        for file in files:
            for number in range(READERS[name].parts(file, options)):
                yield split, name, file, number
