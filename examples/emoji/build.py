"""Rebuild the emoji shards, byte for byte, from the npm packages they come from.

    make emoji          rebuild examples/emoji/shards
    make emoji-check    rebuild into a scratch folder and compare with what is committed

Each emoji that Unicode CLDR names in English becomes one record per vendor that draws it: a 64 px
palette PNG on white, and two captions: the CLDR name, and the CLDR keywords as one text.
Four vendors are for training; `fluent-emoji-flat` is a style no model sees before evaluation.
"""

import argparse
import filecmp
import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import resvg_py
import zopfli.gzip
from PIL import Image

HERE = Path(__file__).parent
SIDE = 64  # pixels
COLOURS = 64  # palette entries: the smallest count at which gradients do not visibly band
TRAIN_SHARDS = 4
TRAIN_VENDORS = ("noto", "noto-v1", "twemoji", "emojione")
EVAL_VENDOR = "fluent-emoji-flat"
ICON_VERSIONS = {
    "noto": "1.2.9",
    "noto-v1": "1.2.5",
    "twemoji": "1.2.5",
    "emojione": "1.2.3",
    "fluent-emoji-flat": "1.2.6",
}
CLDR_PACKAGE = "cldr-annotations-full@48.2.0"


def fetch(package: str, folder: Path) -> dict[str, bytes]:
    """Download one npm package and return its files by name."""
    packed = subprocess.run(
        ["npm", "pack", "--silent", package], cwd=folder, check=True, capture_output=True, text=True
    )
    with tarfile.open(folder / packed.stdout.strip()) as tar:
        files = {m.name: tar.extractfile(m) for m in tar.getmembers() if m.isfile()}
        return {name.removeprefix("package/"): f.read() for name, f in files.items() if f}


def slug(name: str) -> str:
    """The icon name Iconify derives from a CLDR name: 'piñata' -> 'pinata'."""
    plain = unicodedata.normalize("NFKD", name.lower())
    plain = "".join(c for c in plain if not unicodedata.combining(c) and c not in "'\u2019")
    return re.sub(r"[^a-z0-9]+", "-", plain.replace("&", " and ")).strip("-")


def captions_by_slug(cldr: dict[str, bytes]) -> dict[str, list[str]]:
    """Name and keywords of every annotated character, under its slug; the first of a slug wins."""
    annotations = json.loads(cldr["annotations/en/annotations.json"])["annotations"]["annotations"]
    captions: dict[str, list[str]] = {}
    for entry in annotations.values():
        if "tts" in entry:
            name = entry["tts"][0]
            captions.setdefault(slug(name), [name, ", ".join(entry["default"])])
    return captions


def svg(icons: dict, icon: dict, side: int) -> str:
    """One icon of an Iconify set as a square SVG."""
    left, top, width, height = (
        icon.get(key, icons.get(key, default))
        for key, default in (("left", 0), ("top", 0), ("width", 16), ("height", 16))
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{left} {top} {width} {height}" width="{side}" height="{side}">'
        f"{icon['body']}</svg>"
    )


def draw(drawing: str, side: int) -> Image.Image:
    """A square SVG as pixels on white."""
    drawn = bytes(resvg_py.svg_to_bytes(svg_string=drawing, width=side, height=side))
    picture = Image.open(io.BytesIO(drawn)).convert("RGBA")
    page = Image.new("RGBA", picture.size, "white")
    page.alpha_composite(picture)
    return page.convert("RGB")


def render(icons: dict, icon: dict) -> bytes:
    """One icon as a palette PNG on white."""
    palette = draw(svg(icons, icon, SIDE), SIDE).quantize(
        COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
    )
    out = io.BytesIO()
    palette.save(out, "PNG", optimize=True)
    return out.getvalue()


def records(folder: Path) -> dict[str, tuple[bytes, dict]]:
    """Every record by key: (PNG, captions and attributes)."""
    captions = captions_by_slug(fetch(CLDR_PACKAGE, folder))
    packages = {
        vendor: fetch(f"@iconify-json/{vendor}@{version}", folder)
        for vendor, version in ICON_VERSIONS.items()
    }
    # emojione files its icons under categories of its own; the others follow Unicode's groups.
    category: dict[str, str] = {}
    for vendor in ("emojione", "noto-v1", "noto", "twemoji", EVAL_VENDOR):
        for group, members in json.loads(packages[vendor]["metadata.json"])["categories"].items():
            group = "Component" if group == "Modifiers" else group
            category.update(dict.fromkeys(members, group))
    found = {}
    for vendor, package in packages.items():
        found |= drawings(vendor, package, captions, category)
    return found


def drawings(
    vendor: str,
    package: dict[str, bytes],
    captions: dict[str, list[str]],
    category: dict[str, str],
) -> dict[str, tuple[bytes, dict]]:
    """Every named emoji that one vendor draws, by key: (PNG, captions and attributes)."""
    icons = json.loads(package["icons.json"])
    found = {}
    for name, texts in sorted(captions.items()):
        icon = icons["icons"].get(name)
        if icon is not None:
            attributes = {
                "vendor": vendor,
                "category": category.get(name, "Component"),
                "name": texts[0],
            }
            meta = {"captions": texts, "attributes": attributes}
            found[f"{vendor}/{name}"] = (render(icons, icon), meta)
    return found


def write_shard(path: Path, members: list[tuple[str, bytes, dict]]) -> None:
    """A gzipped tar whose bytes depend on its members alone."""
    path.write_bytes(zopfli.gzip.compress(tar_of(members), numiterations=5))


def tar_of(members: Iterable[tuple[str, bytes, dict]]) -> bytes:
    """A tar of (key, PNG, captions and attributes), without times and owners."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for key, png, meta in members:
            text = json.dumps(meta, ensure_ascii=False, sort_keys=True).encode()
            for suffix, body in (("png", png), ("json", text)):
                info = tarfile.TarInfo(f"{key}.{suffix}")
                info.size = len(body)
                tar.addfile(info, io.BytesIO(body))
    return plain.getvalue()


def build(out: Path) -> None:
    """Write every shard into `out`."""
    with tempfile.TemporaryDirectory() as scratch:
        found = records(Path(scratch))
    # Hash order mixes vendors and categories in every shard, whatever the shard count.
    keys = sorted(found, key=lambda key: hashlib.sha256(key.encode()).digest())
    train = [key for key in keys if key.split("/")[0] in TRAIN_VENDORS]
    held_out = [key for key in keys if key.split("/")[0] == EVAL_VENDOR]
    shards = {f"train-{n:05d}": train[n::TRAIN_SHARDS] for n in range(TRAIN_SHARDS)}
    shards["eval-00000"] = held_out
    out.mkdir(parents=True, exist_ok=True)
    for name, members in shards.items():
        write_shard(out / f"{name}.tar.gz", [(key, *found[key]) for key in members])
        print(f"{name}: {len(members)} records, {(out / f'{name}.tar.gz').stat().st_size:,} bytes")


def main() -> None:
    """Build, or check with --check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the committed shards")
    if not parser.parse_args().check:
        build(HERE / "shards")
        return
    with tempfile.TemporaryDirectory() as scratch:
        build(Path(scratch))
        names = sorted(p.name for p in Path(scratch).iterdir())
        committed = sorted(p.name for p in (HERE / "shards").iterdir())
        _, different, missing = filecmp.cmpfiles(scratch, HERE / "shards", names, shallow=False)
    if names != committed or different or missing:
        sys.exit(f"the rebuilt shards differ: {sorted({*different, *missing}) or committed}")
    print("the rebuilt shards are the committed ones, byte for byte")


if __name__ == "__main__":
    main()
