"""Write 100,000 pairs of an icon and its name, from the open icon sets of one npm package.

    .venv/bin/python -m benchmarks.icons [--pairs 100000]

`@iconify/json` (npm) holds about 380,000 icons of 238 sets, each set under a licence of its own.
The names become captions: `arrow-left-bold` is "arrow left bold". Left out are logos, whose names
are companies, the emoji, and sets that may not be used commercially. Lucide is held out as a style
that is not learned, and so are the sets that it comes from or that extend it. Icons are drawn at
32 px, black on white where they have no colours. All of it stays below `runs/`, with the licence of
each set; none is committed.
"""

import argparse
import hashlib
import io
import json
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import resvg_py
from PIL import Image

from benchmarks.training.peer import ROOT
from examples.emoji.build import fetch

PACKAGE = "@iconify/json@2.2.535"
FOLDER = ROOT / "runs" / "benchmarks" / "icons"
HELD_OUT = "lucide"
RELATIVES = ("feather", "lucide-lab", "akar-icons", "iconoir", "lets-icons")
OTHER_CATEGORIES = ("Logos", "Emoji", "Programming", "Flags / Maps")
SIDE = 32  # pixels
SHARDS = 8


def main() -> None:
    """Draw and write both splits, once."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=100_000)
    print(write_data(parser.parse_args().pairs))


def write_data(pairs: int) -> str:
    """Write the train shards, the eval shard and the licences; say what there is.

    Args:
        pairs: how many to draw for training, by a hash of their keys.
    """
    with tempfile.TemporaryDirectory() as scratch:
        files = fetch(PACKAGE, Path(scratch))
    collections = json.loads(files["collections.json"])
    sets = sorted(filter(lambda name: _is_wanted(name, collections[name]), collections))
    FOLDER.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor() as pool:
        icons = {name: list(_icons(name, json.loads(files[f"json/{name}.json"]))) for name in sets}
        held_out = icons.pop(HELD_OUT)
        learned = sorted((icon for each in icons.values() for icon in each), key=_by_hash)[:pairs]
        if len(learned) < pairs:
            sys.exit(f"the sets hold {len(learned)} icons, not {pairs}")
        for shard in range(SHARDS):
            _write(FOLDER / f"train-{shard}.tar", learned[shard::SHARDS], pool)
        _write(FOLDER / "eval-0.tar", held_out, pool)
    used = sorted({key.partition("/")[0] for key, _, _ in learned} | {HELD_OUT})
    (FOLDER / "LICENSES").write_text("".join(_licence(s, collections[s]) for s in used), "utf-8")
    return f"{len(learned)} icons of {len(used) - 1} sets, and {len(held_out)} of {HELD_OUT}"


def _is_wanted(name: str, about: dict[str, Any]) -> bool:
    free = "NC" not in about["license"].get("spdx", "NC").split("-")
    return free and name not in RELATIVES and about.get("category") not in OTHER_CATEGORIES


def _icons(set_name: str, icons: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield key, SVG and caption of each icon of a set."""
    for name, icon in icons["icons"].items():
        size = {side: icon.get(side, icons.get(side, 16)) for side in ("width", "height")}
        view = f"{icon.get('left', 0)} {icon.get('top', 0)} {size['width']} {size['height']}"
        svg = (
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'viewBox="{view}" width="{SIDE}" height="{SIDE}" color="black">{icon["body"]}</svg>'
        )
        yield f"{set_name}/{name}", svg, name.replace("-", " ")


def _by_hash(icon: tuple[str, str, str]) -> bytes:
    return hashlib.sha256(icon[0].encode()).digest()


def _draw(svg: str) -> bytes:
    """Return a grey or coloured PNG on white; empty if it cannot be drawn."""
    try:
        drawn = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=SIDE, height=SIDE))
    except ValueError:
        return b""
    picture = Image.open(io.BytesIO(drawn)).convert("RGBA")
    page = Image.new("RGBA", picture.size, "white")
    page.alpha_composite(picture)
    out = io.BytesIO()
    page.convert("RGB").save(out, "PNG")
    return out.getvalue()


def _write(path: Path, icons: list[tuple[str, str, str]], pool: ProcessPoolExecutor) -> None:
    with tarfile.open(path, "w") as tar:
        drawn = pool.map(_draw, (svg for _, svg, _ in icons), chunksize=200)
        for (key, _, caption), png in zip(icons, drawn, strict=True):
            meta = {"captions": [caption], "attributes": {"set": key.partition("/")[0]}}
            for suffix, body in (("png", png), ("json", json.dumps(meta).encode())):
                info = tarfile.TarInfo(f"{key}.{suffix}")
                info.size = len(body)
                tar.addfile(info, io.BytesIO(body))


def _licence(name: str, about: dict[str, Any]) -> str:
    licence = about["license"]
    return f"{name}: {about['name']} by {about['author']['name']}, {licence['title']}\n"


if __name__ == "__main__":
    main()
