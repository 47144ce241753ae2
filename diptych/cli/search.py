"""`diptych search`: search images by words or by an image, in a browser or in the terminal."""

import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from diptych.cli.command import BAD_CONFIG, one_sentence

if TYPE_CHECKING:
    from diptych.search.engine import Engine
    from diptych.search.sources import Opened
    from pipeline.console.rich_console import Console

PORT = 8600
MOST_FAILURES = 5  # images of a folder that are listed by name
STOPPED = "the page is not served any more"


def search_command(
    release: Annotated[
        str, typer.Argument(help="a serving folder, a release, or the URL of a model server")
    ],
    text: Annotated[
        str | None, typer.Argument(help="print the best images; default: serve the page")
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(help="search this folder; default: the index of the release", readable=False),
    ] = None,
    compare: Annotated[
        str | None, typer.Option(help="show the results of another release beside")
    ] = None,
    host: Annotated[str, typer.Option(help="listen here; beyond this machine: by token")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(help="0: any that is free", min=0, max=65535)] = PORT,
    token_file: Annotated[
        Path | None,
        typer.Option(help="a file with the token; default: draw one", readable=False),
    ] = None,
    k: Annotated[int, typer.Option("-k", help="images to print", min=1, max=200)] = 5,
    pictures: Annotated[
        bool | None,
        typer.Option(help="draw them in the terminal; default: where it can"),
    ] = None,
) -> None:
    """Search images by words or by an image.

    Without a text the search page is served until Ctrl-C.
    """
    with one_sentence(STOPPED if text is None else "nothing was changed"):
        from pipeline.console.terminal import complain
        from schema.errors import InputError

        try:
            if text is not None and compare is not None:
                raise InputError("--compare: the page shows two releases; leave the text out")
            if text is None:
                serve_page(release, images, compare, host, port, token_file)
            else:
                print_best(release, text, images, k, pictures)
        except InputError as error:
            complain(*error.sentences)
            raise typer.Exit(BAD_CONFIG) from None


def serve_page(
    source: str,
    images: Path | None,
    compare: str | None,
    host: str,
    port: int,
    token_file: Path | None,
) -> None:
    """Serve the page until a signal comes.

    Raises:
        InputError: a release, the folder, the port or the token cannot be used.
    """
    from importlib.metadata import version

    from diptych.search.access import Access, is_loopback, make_token, read_token
    from diptych.search.app import make_app
    from diptych.search.routes import Api
    from diptych.search.server import address_of, listen, serve
    from diptych.search.sources import describe
    from pipeline.console.terminal import complain, make_console, say

    token = None if token_file is None else read_token(token_file)
    is_drawn = token is None and not is_loopback(host)
    if is_drawn:
        token = make_token()
    console = make_console()
    engines: list[Engine] = []
    names: list[str] = []
    with listen(host, port) as opened:
        for one in filter(None, (source, compare)):
            with quiet() as terminal:
                engine, name, failures = open_one(one, images, terminal)
                engine.warm_up()
            say(console, describe(engine, name))
            complain_of(failures, console)
            engines.append(engine)
            names.append(name)
        address = address_of(opened, host)
        if is_drawn:
            address += f"?token={token}"

        def ready() -> None:
            say(console, f"search page: {address} (Ctrl-C ends it)", "bold")
            sys.stdout.flush()

        api = Api(engines, names, log=complain)
        app = make_app(api, Access(host, token), version("diptych"), complain)
        serve(app, opened, ready)


def print_best(source: str, text: str, images: Path | None, k: int, pictures: bool | None) -> None:
    """Print the best images for a text, best first: score, file or key, first caption.

    Raises:
        InputError: the release or the folder cannot be used.
    """
    from diptych.search.engine import Query
    from diptych.search.inputs import SearchBody, check
    from diptych.search.terminal_pictures import detect, draw
    from pipeline.console.terminal import make_console, write_escapes

    check({"text": text}, SearchBody)
    with quiet() as terminal:
        engine, _, failures = open_one(source, images, terminal)
        answer = engine.search(Query(text=text, k=k))
    console = make_console()
    complain_of(failures, console)
    protocol = None
    if pictures or (pictures is None and console.is_terminal):
        protocol = detect(os.environ) or ("kitty" if pictures else None)
    names = [str(shown.path or shown.key) for shown in answer.images]
    width = max(map(len, names), default=0)
    for shown, name in zip(answer.images, names, strict=True):
        if protocol is not None:
            drawn = draw(engine.collection.thumbnail(shown.record) or b"", protocol)
            if drawn is not None:
                write_escapes(drawn)
        caption = "" if shown.path else ", ".join(shown.captions[:1])
        console.print(f"{shown.score:.3f}  {name:{width}}  {caption}".rstrip(), soft_wrap=True)


def open_one(source: str, images: Path | None, terminal: TextIO) -> "Opened":
    """Open a release, and embed a folder with a progress bar.

    Raises:
        InputError: the release or the folder cannot be used.
    """
    from diptych.search.sources import open_engine

    if images is None:
        return open_engine(source, None, None)
    from pipeline.console.progress_bar import progress_bar

    with progress_bar("embedding", terminal) as progress:
        return open_engine(source, images, progress)


def complain_of(failures: Sequence[str], console: "Console") -> None:
    """Print which files of a folder cannot be searched."""
    from pipeline.console.terminal import say
    from schema.text.messages import number_of

    if failures:
        say(console, f"! {number_of(len(failures), 'file')} cannot be searched", "yellow")
        for sentence in failures[:MOST_FAILURES]:
            say(console, f"  {sentence}", "dim")


@contextmanager
def quiet() -> Iterator[TextIO]:
    """Hide what TensorFlow prints while it starts; yields the terminal.

    Raises:
        RunFailedError: something failed that has no sentence of its own; names a file that has the
            traceback and what was printed.
    """
    from pipeline.process.redirect_output import output_to
    from schema.errors import InputError, RunFailedError, last_line
    from schema.system import file_errors

    def is_unforeseen(error: Exception) -> bool:
        known = isinstance(error, InputError | ModuleNotFoundError)
        return not known and file_errors.sentence(error) is None

    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch, "log")
        try:
            with output_to(log) as terminal:
                try:
                    yield terminal
                except Exception as error:
                    if is_unforeseen(error):
                        logging.getLogger(__name__).exception("failed")
                    raise
        except Exception as error:
            if not is_unforeseen(error):
                raise
            descriptor, kept = tempfile.mkstemp(".log", "diptych-search-")
            os.close(descriptor)
            shutil.copyfile(log, kept)
            raise RunFailedError(f"{last_line(error)} (traceback in {kept})") from error
