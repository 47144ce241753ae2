"""The files of the data, the parts that can be read independently, and what may be read."""

from collections.abc import Iterator, Mapping

from components.example_gen.config import IngestConfig
from components.example_gen.readers.parsing.limits import check_rejected
from components.example_gen.readers.recognition import recognise
from components.example_gen.readers.registry import AUTO, READERS, Reader, ReadOptions
from components.example_gen.records.retained import sources
from components.example_gen.rows import Rejected, Row
from components.example_gen.storage import listing, urls
from components.example_gen.storage.allowed import Access, Allowed
from components.example_gen.storage.urls import shown
from schema.errors import InputError

SHOWN = 5  # names of what is there, where nothing matches
_MAGIC = "*?[{"  # what a glob has, and TFX's {SPAN}
Part = tuple[str, str, str, int]  # split, name of a reader, file, number of the part


def access_of(config: IngestConfig) -> Access:
    """Return what a config gives access to: where its globs start, and what it allows besides.

    The globs of retained data sets count, too.
    """
    own: list[str] = []
    for source in (config, *(source.config for source in sources(config).values())):
        own += _places_of(source)
    return Access(Allowed(tuple(dict.fromkeys(own)), config.allow), config.timeouts)


def _places_of(config: IngestConfig) -> Iterator[str]:
    yield config.path
    for pattern in config.patterns.values():
        whole = urls.join(config.path, pattern)
        at = min(
            (whole.find(character) for character in _MAGIC if character in whole),
            default=len(whole),
        )
        folder = urls.parent(whole[:at] + "-")
        yield folder if at < len(whole) else whole
        if config.columns.image is not None:  # of COCO, the folder of the images
            yield urls.join(folder, config.columns.image)


def read_options(config: IngestConfig) -> ReadOptions:
    """Return what readers go by."""
    return ReadOptions(
        config.columns, config.attributes, config.max_bytes, config.path, access_of(config)
    )


def find(base: str, pattern: str, access: Access) -> list[str]:
    """List the files of one split, sorted.

    Args:
        base: folder of the data.
        pattern: a glob below it.
        access: what may be read.

    Raises:
        InputError: no file matches, and the sentence says what there is instead; or one is a link
            to where nothing may be read.
    """
    files = listing.glob(base, pattern)
    if not files:
        raise InputError(_no_match(base, pattern))
    for file in files:
        access.allowed.check(file)
    return files


def _no_match(base: str, pattern: str) -> str:
    message = f"{shown(urls.join(base, pattern))} matches no file"
    if urls.is_web(base):  # whose folders cannot be listed
        return message
    names = [urls.printable(urls.name(address)) for address in listing.glob(base, "*")]
    if names:
        more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
        return f"{message}; {shown(base)} holds {', '.join(names[:SHOWN])}{more}"
    return message if listing.exists(base) else f"{shown(base)}: is not there"


def find_parts(base: str, globs: Mapping[str, str], config: IngestConfig) -> Iterator[Part]:
    """Yield the parts of the files of all splits that can be read independently.

    Args:
        base: folder of the data.
        globs: below it, by split.
        config: of the data.
    """
    options = read_options(config)
    for split, pattern in globs.items():
        files = find(base, pattern, options.access)
        name = recognise(files) if config.format == AUTO else config.format
        for file in files:
            for number in range(READERS[name].parts(file, options)):
                yield split, name, file, number


def retained_parts(config: IngestConfig) -> Iterator[Part]:
    """Yield the parts of the files of all retained data sets, as `find_parts`.

    Raises:
        InputError: as `find`; names the key.
    """
    for name, source in sources(config).items():
        try:
            yield from find_parts(source.config.path, {name: source.glob}, source.config)
        except InputError as error:
            raise InputError(f"data.retain.{name}: {error}") from error


def check_retained(config: IngestConfig) -> None:
    """Check that the releases and files of all retained data sets are there.

    Files in a store elsewhere are not looked for.

    Raises:
        InputError: as `find`; names the key.
    """
    for name, source in sources(config).items():
        if urls.is_local(source.config.path):
            try:
                find(source.config.path, source.glob, access_of(source.config))
            except InputError as error:
                raise InputError(f"data.retain.{name}: {error}") from error


def files_named(file: str, reader: Reader, options: ReadOptions) -> Iterator[str]:
    """Yield the addresses of other files that a file is read with, once, in its order.

    First those that are read beside it, then the images that its rows name. A file whose first row
    holds its image is read no further: the file itself has everything.

    Raises:
        InputError: nearly none of its rows can be used.
    """
    yield from reader.read_beside(file, options)
    seen: set[str] = set()
    for part in range(reader.parts(file, options)):
        rejected = 0
        for read, row in enumerate(reader.read(file, part, options), 1):
            if isinstance(row, Rejected):
                rejected += 1
                check_rejected(file, rejected, read, row)
            if isinstance(row, Row) and row.image is not None and not seen:
                return
            if isinstance(row, Row) and row.image_path and row.image_path not in seen:
                seen.add(row.image_path)
                yield row.image_path
