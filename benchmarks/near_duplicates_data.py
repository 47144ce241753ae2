"""Pictures of one style, and copies of pictures: what a search for near duplicates must tell apart.

Bundled: the emoji. Made here: star polygons, silhouettes of 28 pixels and textures. Fetched when
asked for: icons (npm) and stamps (Debian), most of which are photographs.
"""

import functools
import io
import json
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance

ROOT = Path(__file__).resolve().parent.parent
EMOJI = ROOT / "examples" / "emoji" / "shards"
ICONS = ("@iconify-json/tabler", "@iconify-json/mdi", "@iconify-json/game-icons")
STAMPS = "tuxpaint-stamps-default"
FEWEST_POINTS, MOST_POINTS = 5, 29

Pictures = dict[str, Image.Image]


def encoded(image: Image.Image, kind: str, **options: int) -> bytes:
    """The file of an image; over white where the format has no transparency."""
    out = io.BytesIO()
    (flat(image) if kind == "jpeg" else image).save(out, kind, **options)
    return out.getvalue()


def flat(image: Image.Image) -> Image.Image:
    """RGB over white."""
    if image.mode == "RGB":
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def cropped(
    image: Image.Image, left: float, top: float, right: float, bottom: float
) -> Image.Image:
    """Cut these shares of the width or height off."""
    w, h = image.size
    return image.crop(
        (round(left * w), round(top * h), w - round(right * w), h - round(bottom * h))
    )


def resized(image: Image.Image, factor: float) -> Image.Image:
    """Resize both sides by a factor."""
    w, h = image.size
    return image.resize((round(w * factor), round(h * factor)))


def brighter(image: Image.Image, factor: float) -> Image.Image:
    """Multiply all colours; what is above 255 is cut off."""
    return ImageEnhance.Brightness(flat(image)).enhance(factor)


def _several(image: Image.Image) -> bytes:
    changed = brighter(resized(cropped(flat(image), 0, 0.05, 0.05, 0), 0.8), 1.05)
    return encoded(changed, "jpeg", quality=80)


COPIES: dict[str, Callable[[Image.Image], bytes]] = {
    "JPEG, quality 95": lambda image: encoded(image, "jpeg", quality=95),
    "JPEG, quality 75": lambda image: encoded(image, "jpeg", quality=75),
    "JPEG, quality 40": lambda image: encoded(image, "jpeg", quality=40),
    "WebP, quality 60": lambda image: encoded(image, "webp", quality=60),
    "resized to 50 %": lambda image: encoded(resized(image, 0.5), "png"),
    "resized to 75 %": lambda image: encoded(resized(image, 0.75), "png"),
    "resized to 150 %": lambda image: encoded(resized(image, 1.5), "png"),
    "5 % cut off the left": lambda image: encoded(cropped(image, 0.05, 0, 0, 0), "png"),
    "5 % cut off two sides": lambda image: encoded(cropped(image, 0.05, 0.05, 0, 0), "png"),
    "5 % cut off, around": lambda image: encoded(cropped(image, *[0.025] * 4), "png"),
    "10 % brighter": lambda image: encoded(brighter(image, 1.1), "png"),
    "10 % darker": lambda image: encoded(brighter(image, 0.9), "png"),
    "cut off, 80 %, brighter, JPEG": _several,
}


@functools.cache
def emoji() -> dict[str, Pictures]:
    """By vendor."""
    found: dict[str, Pictures] = {}
    for shard in sorted(EMOJI.glob("*.tar.gz")):
        with tarfile.open(shard) as tar:
            for member in tar:
                if member.name.endswith(".png"):
                    file = tar.extractfile(member)
                    assert file is not None
                    key = member.name.removesuffix(".png")
                    image = flat(Image.open(io.BytesIO(file.read())))
                    vendor, _, name = key.partition("/")
                    found.setdefault(vendor, {})[name] = image
    return found


def stars(count: int, side: int = 128) -> Pictures:
    """Star polygons, no two of the same number of points and depth."""
    made = {}
    depths = (0.3, 0.5, 0.7)
    colours = ("#c0392b", "#2c5aa0", "#1e8449", "#b7950b")
    for number in range(count):
        points = FEWEST_POINTS + number % (MOST_POINTS - FEWEST_POINTS + 1)
        depth = depths[number // (MOST_POINTS - FEWEST_POINTS + 1) % len(depths)]
        colour = colours[number % len(colours)]
        made[f"star-{points}-{depth}-{number}"] = star(points, depth, colour, side)
    return made


def star(points: int, depth: float, colour: str, side: int = 128) -> Image.Image:
    """A star whose inner corners are at `depth` of its radius, smoothly drawn on white."""
    large = Image.new("RGB", (4 * side, 4 * side), "white")
    angle = np.arange(2 * points) * np.pi / points - np.pi / 2
    radius = np.where(np.arange(2 * points) % 2, depth, 1.0) * 0.45 * 4 * side
    corners = np.stack([np.cos(angle) * radius, np.sin(angle) * radius], -1) + 2 * side
    ImageDraw.Draw(large).polygon([tuple(each) for each in corners.tolist()], fill=colour)
    return large.resize((side, side), Image.Resampling.BOX)


def clothes(count: int, side: int = 28) -> Pictures:
    """Grey silhouettes on black: shoes that differ in a few proportions."""
    rng = np.random.default_rng(0)
    made = {}
    for number in range(count):
        large = Image.new("L", (8 * side, 8 * side))
        heel, toe, sole, ankle = rng.uniform((0.05, 0.8, 0.6, 0.25), (0.15, 0.95, 0.7, 0.45))
        corners = [(heel, ankle), (0.4, ankle), (0.55, 0.5), (toe, 0.55), (toe, sole), (heel, sole)]
        scaled = [(8 * side * x, 8 * side * y) for x, y in corners]
        ImageDraw.Draw(large).polygon(scaled, fill=int(rng.integers(100, 250)))
        small = np.asarray(large.resize((side, side), Image.Resampling.BOX), float)
        grain = np.where(small > 0, rng.normal(0, 6, small.shape), 0)
        made[f"shoe-{number}"] = Image.fromarray((small + grain).clip(0, 255).astype(np.uint8))
    return made


def textures(count: int, side: int = 192) -> Pictures:
    """Clouds, mosaics and blobs on slopes of colour, with a photograph's grain."""
    rng = np.random.default_rng(1)
    made = {}
    for number in range(count):
        draw = (_clouds, _mosaic, _blobs)[number % 3]
        pixels = draw(rng, (side * 4 // 3, side))
        pixels = pixels + rng.normal(0, 4, pixels.shape)
        name = f"{draw.__name__[1:]}-{number}"
        made[name] = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    return made


def _clouds(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    pixels = np.zeros((size[1], size[0], 3))
    for step in (2, 4, 8, 16, 32, 64):
        noise = Image.fromarray(rng.integers(0, 256, (step, step, 3), np.uint8))
        pixels += np.asarray(noise.resize(size, Image.Resampling.BICUBIC), float) / step
    return (pixels - pixels.min()) * 255 / (pixels.max() - pixels.min())


def _mosaic(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    tiles = rng.integers(0, 256, (int(rng.integers(4, 9)), int(rng.integers(5, 11)), 3), np.uint8)
    return np.asarray(Image.fromarray(tiles).resize(size, Image.Resampling.NEAREST), float)


def _blobs(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    y, x = np.mgrid[0 : 1 : size[1] * 1j, 0 : 1 : size[0] * 1j]
    ends = rng.integers(0, 256, (2, 3))
    pixels = ends[0] * y[..., None] + ends[1] * (1 - y[..., None])
    for _ in range(5):
        at, radius = rng.uniform(0, 1, 2), rng.uniform(0.08, 0.3)
        pixels[np.hypot(x - at[0], y - at[1]) < radius] = rng.integers(0, 256, 3)
    return pixels


def icons(folder: Path, package: str, count: int, side: int = 96) -> Pictures:
    """Line drawings of one set, black on white; npm fetches it into `folder`."""
    import resvg_py

    kept = folder / (package.replace("/", "-") + ".json")
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        packed = subprocess.run(
            ["npm", "pack", "--silent", package], cwd=folder, check=True, capture_output=True,
            text=True,
        )  # fmt: skip
        with tarfile.open(folder / packed.stdout.strip()) as tar:
            file = tar.extractfile("package/icons.json")
            assert file is not None
            kept.write_bytes(file.read())
    icons = json.loads(kept.read_text(encoding="utf-8"))
    names = sorted(icons["icons"])
    made = {}
    for name in names[:: max(1, len(names) // count)][:count]:
        icon = icons["icons"][name]
        w, h = (icon.get(k, icons.get(k, 16)) for k in ("width", "height"))
        svg = (
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'viewBox="0 0 {w} {h}" width="{side}" height="{side}" color="black">'
            f"{icon['body']}</svg>"
        )
        drawn = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=side, height=side))
        made[f"{package}/{name}"] = flat(Image.open(io.BytesIO(drawn)))
    return made


def stamps(folder: Path, count: int) -> Pictures:
    """Photographs and drawings that are cut out; apt fetches them into `folder`."""
    out = folder / STAMPS
    if not out.exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "-q", STAMPS], cwd=folder, check=True)
        [package] = folder.glob(f"{STAMPS}_*.deb")
        subprocess.run(["dpkg-deb", "-x", str(package), str(out)], check=True)
    files = sorted(out.rglob("*.png"))
    chosen = files[:: max(1, len(files) // count)][:count]
    return {str(path.relative_to(out)): flat(Image.open(path)) for path in chosen}
