"""Ways to change a release behind the back of its manifest.

Each takes the folder of a release and its number; `COPIES` holds an intact copy of every release.
"""

import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

from components.release.files.manifest import FILE

COPIES = "copies"  # beside the releases' folder
WEIGHTS = "variables/variables.index"

Case = Callable[[Path, int], object]


def _copy(release: Path, number: int) -> Path:
    return release.parent.parent / COPIES / str(number)


def _edit(folder: Path, **values: object) -> None:
    content = json.loads((folder / FILE).read_text())
    (folder / FILE).write_text(json.dumps(content | values))


def _change(path: Path) -> None:
    path.write_bytes(b"\0" + path.read_bytes()[1:])


def _changed_beside_intact(release: Path, number: int) -> None:
    shutil.copytree(release / "joint" / str(number), release / "joint" / "9")
    _change(release / "joint" / str(number) / WEIGHTS)


def _linked(release: Path, inside: str, number: int) -> None:
    """Replace something by a link to an intact copy of it."""
    path = release / inside
    _remove(path)
    path.symlink_to(_copy(release, number) / inside)


def _replaced(release: Path, number: int, by: int | None = None) -> None:
    shutil.rmtree(release)
    if by is not None:
        shutil.copytree(_copy(release, by), release)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _as_folder(path: Path) -> None:
    _remove(path)
    path.mkdir()


def _as_file(path: Path) -> None:
    _remove(path)
    path.write_text("x")


def _special(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _socket(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        here = os.getcwd()
        os.chdir(folder)  # the path of a socket may have 108 bytes
        try:
            made.bind("s")
        finally:
            os.chdir(here)


def _swapped(release: Path) -> None:
    (release / "image_tower").rename(release / "x")
    (release / "text_tower").rename(release / "image_tower")
    (release / "x").rename(release / "text_tower")


def _file_with_digest(release: Path, number: int) -> None:
    from components.release.files import manifest

    _change(release / "joint" / str(number) / WEIGHTS)
    _edit(release, files=manifest.digests(release))


CASES: dict[str, Case] = {
    "a byte of the weights changed": lambda r, n: _change(r / "joint" / str(n) / WEIGHTS),
    "a byte of a tower changed": lambda r, n: _change(r / "text_tower" / str(n) / WEIGHTS),
    "a graph cut short": lambda r, n: os.truncate(r / "joint" / str(n) / "saved_model.pb", 3),
    "a graph emptied": lambda r, n: os.truncate(r / "joint" / str(n) / "saved_model.pb", 0),
    "a graph longer": lambda r, n: os.truncate(r / "joint" / str(n) / "saved_model.pb", 99),
    "a file removed": lambda r, n: (r / "joint" / str(n) / WEIGHTS).unlink(),
    "a model removed": lambda r, n: shutil.rmtree(r / "image_tower"),
    "an empty folder removed": lambda r, n: (r / "joint" / str(n) / "assets").rmdir(),
    "all files removed": lambda r, n: _as_folder(r),
    "the release removed": lambda r, n: _replaced(r, n),
    "a file added beside the models": lambda r, n: (r / "extra").write_text("x"),
    "a file added to a model": lambda r, n: (r / "joint" / str(n) / "extra").write_text("x"),
    "a hidden file added": lambda r, n: (r / "joint" / ".hidden").write_text("x"),
    "a file of a newline added": lambda r, n: (r / "joint" / "a\nb").write_text("x"),
    "a file of no UTF-8 added": lambda r, n: Path(os.fsdecode(os.fsencode(r) + b"/\xff")).touch(),
    "a file of a lookalike name added": lambda r, n: (r / "c\u043enfig.json").write_text("x"),
    "an empty folder added": lambda r, n: (r / "joint" / "empty").mkdir(),
    "a higher version added": lambda r, n: shutil.copytree(r / "joint" / str(n), r / "joint" / "9"),
    "a changed version beside an intact one": _changed_beside_intact,
    "a version renamed": lambda r, n: (r / "joint" / str(n)).rename(r / "joint" / "9"),
    "a model renamed": lambda r, n: (r / "joint").rename(r / "Joint"),
    "two towers swapped": lambda r, n: _swapped(r),
    "a file replaced by a link": lambda r, n: _linked(r, f"joint/{n}/{WEIGHTS}", n),
    "a version replaced by a link": lambda r, n: _linked(r, f"joint/{n}", n),
    "a model replaced by a link": lambda r, n: _linked(r, "joint", n),
    "the manifest replaced by a link": lambda r, n: _linked(r, FILE, n),
    "the release replaced by a link": lambda r, n: _linked(r, "", n),
    "a dangling link added": lambda r, n: (r / "dangling").symlink_to("/nowhere"),
    "a file replaced by a pipe": lambda r, n: _special(r / "joint" / str(n) / WEIGHTS),
    "a file replaced by a folder": lambda r, n: _as_folder(r / "config.json"),
    "a socket added": lambda r, n: _socket(r),
    "the release replaced by another": lambda r, n: _replaced(r, n, by=2),
    "the release replaced by a file": lambda r, n: _as_file(r),
    "the config changed": lambda r, n: _change(r / "config.json"),
    "the statistics changed": lambda r, n: _change(r / "statistics" / "stats.pb"),
    "the manifest removed": lambda r, n: (r / FILE).unlink(),
    "the manifest emptied": lambda r, n: os.truncate(r / FILE, 0),
    "the manifest of no JSON": lambda r, n: (r / FILE).write_bytes(b"\xff\xfe{"),
    "the manifest nested deeply": lambda r, n: (r / FILE).write_text("[" * 100_000),
    "the manifest a folder": lambda r, n: _as_folder(r / FILE),
    "the manifest a pipe": lambda r, n: _special(r / FILE),
    "the manifest with other metrics": lambda r, n: _edit(r, metrics={"mrr": 0.99}),
    "the manifest with gates passed": lambda r, n: _edit(r, gates=[]),
    "the manifest with another number": lambda r, n: _edit(r, release=7),
    "the manifest changed with a file": _file_with_digest,
}
