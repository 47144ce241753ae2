"""How many copies of a picture are found, and how many other pictures of its style with them?

    .venv/bin/python -m benchmarks.near_duplicates [--bundled] [--originals 40]

Every second picture of a set is train; of some of them there are copies, encoded anew, resized, cut
or brightened, among the pictures that are left. A copy is found if it is matched with its original.
Precision is the share of right matches among all; pictures whose pixels are those of one of train
are not strangers, and are left out. Copies with a side below 64 pixels get no verdict and do not
count. Icons and stamps are fetched into runs/; --bundled leaves them out.
"""

import argparse
import dataclasses
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks import machine
from benchmarks import near_duplicates_data as pictures
from components.example_gen.config import NearDuplicatesConfig
from components.example_gen.images.preparation import ImageLimits
from components.example_gen.ingest.examine import Limits, examine
from components.example_gen.near_duplicates import candidates
from components.example_gen.near_duplicates.pairs import Pair, confirm
from components.example_gen.records.examined import Stored
from components.example_gen.records.merge import Grouping, Record, merge
from components.example_gen.rows import Place, Row
from components.example_gen.storage.allowed import Access

SCRATCH = Path(__file__).resolve().parent.parent / "runs" / "benchmark-near-duplicates"
LIMITS = Limits(ImageLimits(50_000_000, 100_000_000), 10_000, Access())
ICONS, STAMPS, STARS, TEXTURES = 600, 500, 75, 120
AIMS = {"precision": 0.98, "recall": 0.95}


@dataclasses.dataclass
class Measured:
    """What was found in one set.

    `missed` counts copies by their kind; `wrong` has pairs of keys that are no copies.
    """

    copies: int = 0
    right: int = 0
    strangers: int = 0
    missed: Counter[str] = dataclasses.field(default_factory=Counter)
    wrong: list[tuple[str, str]] = dataclasses.field(default_factory=list)

    @property
    def precision(self) -> float:
        """Of what was matched, the share that is right; 1 if nothing was."""
        return self.right / max(1, self.right + len(self.wrong)) if self.right else 1.0

    @property
    def recall(self) -> float:
        """Of the copies, the share that was found."""
        return self.right / max(1, self.copies)


def main() -> None:
    """Print precision and recall of each set and of all together."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bundled", action="store_true", help="fetch nothing")
    parser.add_argument("--originals", type=int, default=40, help="of each set, that have copies")
    options = parser.parse_args()
    print(machine.describe())
    total = Measured()
    for name, (train, strangers) in sets(fetch=not options.bundled).items():
        started = time.perf_counter()
        found = measure(train, strangers, options.originals)
        took = time.perf_counter() - started
        _print(f"{name} ({len(train):,} of train)", found, f"{took:.0f} s")
        for mine, other in found.wrong[:5]:
            print(f"    {mine} is no copy of {other}")
        for field in ("copies", "right", "strangers", "missed", "wrong"):
            setattr(total, field, getattr(total, field) + getattr(found, field))
    _print("all", total, "")
    print(f"missed: {dict(total.missed.most_common())}")
    if any(getattr(total, name) < aim for name, aim in AIMS.items()):
        sys.exit(1)


def _print(name: str, found: Measured, more: str) -> None:
    print(
        f"{name:44} precision {found.precision:.4f}, recall {found.recall:.4f} "
        f"({found.copies:,} copies, {found.strangers:,} others) {more}"
    )


def sets(fetch: bool) -> dict[str, tuple[pictures.Pictures, pictures.Pictures]]:
    """Train and strangers of each set."""
    emoji = pictures.emoji()
    styles = {f"emoji of {vendor}": drawn for vendor, drawn in emoji.items()}
    styles |= {"stars": pictures.stars(STARS), "textures": pictures.textures(TEXTURES)}
    if fetch:
        styles |= {name: pictures.icons(SCRATCH, name, ICONS) for name in pictures.ICONS}
        styles["stamps"] = pictures.stamps(SCRATCH, STAMPS)
    made = {name: _halves(drawn) for name, drawn in styles.items()}
    last = "fluent-emoji-flat"
    others = {f"{v}/{k}": image for v in emoji if v != last for k, image in emoji[v].items()}
    return {**made, "emoji of four vendors": (others, emoji[last])}


def _halves(drawn: pictures.Pictures) -> tuple[pictures.Pictures, pictures.Pictures]:
    keys = list(drawn)
    return {k: drawn[k] for k in keys[::2]}, {k: drawn[k] for k in keys[1::2]}


def measure(train: pictures.Pictures, strangers: pictures.Pictures, originals: int) -> Measured:
    """Search copies of some of train, among strangers, as ingest does.

    Args:
        train: pictures by their key.
        strangers: likewise; none shows what one of train does.
        originals: how many of train have copies.
    """
    drawn = {key: np.asarray(image).tobytes() for key, image in train.items()}
    known = set(drawn.values())
    others = {
        key: pictures.encoded(image, "png")
        for key, image in strangers.items()
        if np.asarray(image).tobytes() not in known
    }
    found = Measured(strangers=len(others))
    picked = np.random.default_rng(0).permutation(len(train))[:originals]
    origin: dict[str, tuple[str, str]] = {}
    for key in (list(train)[index] for index in picked):
        for kind, copy in pictures.COPIES.items():
            origin[f"{kind}: {key}"] = kind, key
            others[f"{kind}: {key}"] = copy(train[key])
    files = {key: pictures.encoded(image, "png") for key, image in train.items()}
    pairs, sizes = search(files, others)
    for copy_key, (kind, key) in origin.items():
        if sizes[copy_key] < candidates.SMALLEST:
            continue
        found.copies += 1
        pair = pairs.get(copy_key)
        if pair is None:
            found.missed[kind] += 1
        elif drawn[pair.train_key] == drawn[key]:
            found.right += 1
        else:
            found.wrong.append((copy_key, pair.train_key))
    found.wrong += [(k, pair.train_key) for k, pair in pairs.items() if k not in origin]
    return found


def search(
    train: Mapping[str, bytes], others: Mapping[str, bytes]
) -> tuple[dict[str, Pair], dict[str, int]]:
    """Give the pair of each of the others that has one, and the smaller side of each of them."""
    similarity = NearDuplicatesConfig().similarity
    images: dict[Stored, bytes] = {}
    kept = {
        split: _records(split, files, images)
        for split, files in (("train", train), ("eval", others))
    }
    by_key = {record.key: record for record in kept["eval"]}
    compared = (candidates.Compared.of(kept[split]) for split in ("eval", "train"))
    judged = {
        key: confirm(by_key[key], closest, images.__getitem__, similarity, ())
        for key, closest in candidates.candidates(*compared)
    }
    sizes = {key: min(each.image.width, each.image.height) for key, each in by_key.items()}
    return {key: pair for key, pair in judged.items() if pair is not None}, sizes


def _records(split: str, files: Mapping[str, bytes], images: dict[Stored, bytes]) -> list[Record]:
    records: list[Record] = []
    for key, body in files.items():
        row = Row(Place(split, len(records)), ("a caption",), body, key=key)
        [examined] = examine([[(split, row)]], LIMITS)
        assert examined.image is not None, key
        stored = Stored(split, len(records), len(examined.image))
        images[stored] = examined.image
        rows = [dataclasses.replace(each, stored=stored) for each in examined.rows]
        [record], _ = merge(key, rows, Grouping({}, {}, 5))
        records.append(record)
    return records


if __name__ == "__main__":
    main()
