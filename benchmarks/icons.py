"""Write 100,000 pairs of an icon and its name, from the open icon sets of one npm package.

    .venv/bin/python -m benchmarks.icons [--pairs 100000]

`@iconify/json` (npm) holds about 380,000 icons of 238 sets, each set under a licence of its own.
The names become captions: `arrow-left-bold` is "arrow left bold". Left out are logos, flags and
icons of programs, whose names do not say what they show, the emoji, and sets that may not be used
commercially. Lucide is held out as a style that is not learned; sets from which it comes or that
look alike are left out. Icons are drawn at 32 px, black on white where they have no colours. All of
it stays below `runs/`, with the licence of each set; none is committed.
"""

import argparse
import hashlib
import io
import json
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.training.peer import ROOT
from examples.emoji import build

PACKAGE = "@iconify/json@2.2.535"
FOLDER = ROOT / "runs" / "benchmarks" / "icons"
HELD_OUT = "lucide"
ALIKE = ("feather", "lucide-lab", "akar-icons", "iconoir", "lets-icons")
OTHER_CATEGORIES = ("Logos", "Emoji", "Programming", "Flags / Maps")
SIDE = 32  # pixels
SHARDS = 8

Icon = tuple[str, str, str]  # key, SVG and caption


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
        files = build.fetch(PACKAGE, Path(scratch))
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
    return free and name not in ALIKE and about.get("category") not in OTHER_CATEGORIES


def _icons(set_name: str, icons: dict[str, Any]) -> Iterator[Icon]:
    for name, icon in icons["icons"].items():
        yield f"{set_name}/{name}", build.svg(icons, icon, SIDE), name.replace("-", " ")


def _by_hash(icon: Icon) -> bytes:
    return hashlib.sha256(icon[0].encode()).digest()


def _draw(svg: str) -> bytes:
    png = io.BytesIO()
    build.draw(svg, SIDE).save(png, "PNG")
    return png.getvalue()


def _write(path: Path, icons: list[Icon], pool: ProcessPoolExecutor) -> None:
    drawn = pool.map(_draw, (svg for _, svg, _ in icons), chunksize=200)
    path.write_bytes(
        build.tar_of(
            (key, png, {"captions": [caption], "attributes": {"set": key.partition("/")[0]}})
            for (key, _, caption), png in zip(icons, drawn, strict=True)
        )
    )


def _licence(name: str, about: dict[str, Any]) -> str:
    licence = about["license"]
    return f"{name}: {about['name']} by {about['author']['name']}, {licence['title']}\n"


if __name__ == "__main__":
    main()
