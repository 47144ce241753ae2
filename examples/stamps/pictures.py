"""Pictures with a caption file beside them, as JSON Lines for training and evaluation.

`duck.png` belongs to `duck.txt`, whose first line is an English caption. The further lines are
captions, too; in the stamps of Tux Paint they are translations such as `fr.utf8=Un canard.`.
"""

import hashlib
import json
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
TRANSLATION = re.compile(r"^[a-z]{2,3}(?:[_@][\w@]+)*\.utf8=")


@dataclass(frozen=True)
class Picture:
    """One picture and what is known about it.

    Attributes:
        path: of its file.
        key: its path below the folder that was read, without suffix.
        captions: English first.
        category: its first folder, such as `animals`; empty for a picture in no folder.
        kind: its folders, such as `animals/birds`.
        digest: of its bytes, in hexadecimal.
    """

    path: Path
    key: str
    captions: tuple[str, ...]
    category: str
    kind: str
    digest: str


def captions_of(text: str) -> tuple[str, ...]:
    """Split the text of a caption file into captions, without the names of languages.

    Returns:
        The captions, English first; none if the first line is not an English caption.
    """
    first, *others = text.splitlines() or [""]
    if not first.strip() or TRANSLATION.match(first.strip()) or {"\0", "\ufffd"} & {*first}:
        return ()
    lines = (TRANSLATION.sub("", line.strip()).strip() for line in (first, *others))
    return tuple(dict.fromkeys(line for line in lines if line))


def read_pictures(folder: Path) -> tuple[list[Picture], list[str]]:
    """Read every captioned picture below a folder, sorted by path.

    Pictures of the same bytes count once, under the first of their keys and with the English
    captions of all: they cannot be told apart, and one in each split would be known by heart.

    Returns:
        The pictures, and the reason for each one that cannot be used.

    Raises:
        OSError: a file cannot be read.
    """
    by_digest: dict[str, Picture] = {}
    keys: set[str] = set()
    skipped = []
    for path in sorted(folder.rglob("*")):
        texts = path.with_suffix(".txt")
        if path.suffix.lower() not in SUFFIXES or not path.is_file() or not texts.is_file():
            continue
        below = path.relative_to(folder)
        content = path.read_bytes()
        # A byte that is not UTF-8 in one of 90 languages is no reason to lose the picture.
        captions = captions_of(texts.read_text(encoding="utf-8-sig", errors="replace"))
        if not captions:
            skipped.append(f"{texts}: its first line is not a caption in UTF-8")
        elif not content:
            skipped.append(f"{path}: is empty")
        elif any("\udc80" <= character <= "\udcff" for character in str(below)):
            skipped.append(f"{str(below)!a}: its name is not UTF-8")
        else:
            digest = hashlib.sha256(content).hexdigest()
            if digest in by_digest:
                first = by_digest[digest]
                english = dict.fromkeys((first.captions[0], captions[0], *first.captions[1:]))
                by_digest[digest] = replace(first, captions=tuple(english))
                continue
            key = below.with_suffix("").as_posix()
            while key in keys:  # duck.jpg beside duck.png, and perhaps duck.png.png
                key += path.suffix
            by_digest[digest] = Picture(
                path=path,
                key=key,
                captions=captions,
                category=below.parts[0] if len(below.parts) > 1 else "",
                kind=below.parent.as_posix() if len(below.parts) > 1 else "",
                digest=digest,
            )
            keys.add(key)
    return list(by_digest.values()), skipped


def is_held_out(picture: Picture, share: float, seed: int) -> bool:
    """Decide by the bytes of a picture alone whether it is kept for evaluation."""
    drawn = hashlib.sha256(f"{seed}:{picture.digest}".encode()).digest()
    return int.from_bytes(drawn[:8], "big") / 2**64 < share


def write_data(pictures: list[Picture], out: Path, *, share: float, seed: int) -> dict[str, int]:
    """Write `train.jsonl`, `eval.jsonl` and copies of the pictures.

    Args:
        pictures: what to write.
        out: the folder; what an earlier call wrote there is replaced.
        share: of the pictures that go to `eval.jsonl`, about.
        seed: another seed draws other pictures.

    Returns:
        The number of pictures of each split.

    Raises:
        OSError: a file cannot be read or written.
    """
    made = out.with_name(f"{out.name}.part")  # the old one stays until the new one is whole
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    lines: dict[str, list[str]] = {"train": [], "eval": []}
    for picture in pictures:
        copy = Path("pictures", picture.key + picture.path.suffix)
        (made / copy).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(picture.path, made / copy)
        split = "eval" if is_held_out(picture, share, seed) else "train"
        row = {
            "image": copy.as_posix(),
            "image_id": picture.key,
            "captions": picture.captions,
            "category": picture.category,
            "kind": picture.kind,
        }
        lines[split].append(json.dumps(row, ensure_ascii=False) + "\n")
    for split, rows in lines.items():
        (made / f"{split}.jsonl").write_text("".join(rows), encoding="utf-8")
    shutil.rmtree(out, ignore_errors=True)
    made.rename(out)
    return {split: len(rows) for split, rows in lines.items()}
