"""`diptych search`: search images by words or by an image, in a browser or in the terminal."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from diptych.cli.command import BAD_CONFIG, one_sentence

if TYPE_CHECKING:
    from diptych.search.engine import Engine
    from diptych.search.sources import Progress

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
    """Search images by words or by an image, on a page or in the terminal."""
    with one_sentence(STOPPED if text is None else "nothing was changed"):
        from pipeline.console.terminal import complain
        from schema.errors import InputError

        try:
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
    opened = listen(host, port)
    console = make_console()
    engines, names = [], []
    for one in (source, compare):
        if one is not None:
            engine, name = open_one(one, images)
            say(console, describe(engine, name))
            engines.append(engine)
            names.append(name)
    address = address_of(opened, host)
    if is_drawn:
        address += f"?token={token}"

    def ready() -> None:
        say(console, f"search page: {address} (Ctrl-C ends it)", "bold")
        sys.stdout.flush()

    app = make_app(Api(engines, names), Access(host, token), version("diptych"), complain)
    serve(app, opened, ready)


def print_best(source: str, text: str, images: Path | None, k: int, pictures: bool | None) -> None:
    """Print the best images for a text, best first: score, file or key, first caption.

    Raises:
        InputError: the release or the folder cannot be used.
    """
    from diptych.search.engine import Query
    from diptych.search.inputs import SearchBody, check
    from diptych.search.terminal_pictures import detect, draw
    from pipeline.console.rich_console import Table
    from pipeline.console.terminal import make_console, write_escapes

    check({"text": text}, SearchBody)
    engine, _ = open_one(source, images)
    answer = engine.search(Query(text=text, k=k))
    console = make_console()
    protocol = None
    if pictures or (pictures is None and console.is_terminal):
        protocol = detect(os.environ) or ("kitty" if pictures else None)
    keys = engine.collection.keys
    table = Table(box=None, show_header=False, pad_edge=False)
    for shown in answer.images:
        line = (
            f"{shown.score:.3f}",
            str(shown.path or shown.key),
            "" if shown.path else ", ".join(shown.captions[:1]),
        )
        if protocol is None:
            table.add_row(*line)
            continue
        drawn = draw(engine.collection.thumbnail(keys[shown.position]) or b"", protocol)
        if drawn is not None:
            write_escapes(drawn)
        console.print("  ".join(filter(None, line)), soft_wrap=True)
    if protocol is None:
        console.print(table)


def open_one(source: str, images: Path | None) -> "tuple[Engine, str]":
    """Open a release, embed a folder with a progress bar, and answer a first query.

    Raises:
        InputError: the release or the folder cannot be used.
    """
    from diptych.search.sources import open_engine
    from pipeline.console.terminal import make_console, say
    from pipeline.process.redirect_output import output_to
    from schema.text.messages import number_of

    with (
        tempfile.TemporaryDirectory() as scratch,
        output_to(Path(scratch, "log")) as terminal,  # what TensorFlow prints while it starts
        embedding_progress(images, terminal) as progress,
    ):
        engine, name, failures = open_engine(source, images, progress)
        engine.warm_up()
    if failures:
        console = make_console()
        say(console, f"! {number_of(len(failures), 'file')} cannot be searched", "yellow")
        for sentence in failures[:MOST_FAILURES]:
            say(console, f"  {sentence}", "dim")
    return engine, name


@contextmanager
def embedding_progress(folder: Path | None, terminal: TextIO) -> "Iterator[Progress | None]":
    """Show a bar while a folder is embedded; nothing where the output is not a terminal."""
    if folder is None or not terminal.isatty():
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from pipeline.console.terminal import make_console

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=make_console(terminal), transient=True) as bar:
        task = bar.add_task("embedding", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
