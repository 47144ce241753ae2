"""The files of every example of `docs/data.md`, and the pairs that they hold."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from tests.support.ingest import picture, write_tar
from tests.support.served_page import Files

RED, BLUE = picture(1, "jpeg"), picture(2)


@dataclasses.dataclass(frozen=True)
class Pair:
    """What an example holds. The captions are those of one image."""

    image: bytes
    captions: list[str]
    labels: list[int] = dataclasses.field(default_factory=list)
    attributes: dict[str, str] = dataclasses.field(default_factory=dict)


Expected = dict[str, dict[str, Pair]]  # pairs by key, by split


CASES: dict[str, Callable[[Path, Files], Expected]] = {}


def case(title: str) -> Callable[[Callable], Callable]:
    """The function writes the files of a section and answers with what they hold."""
    return lambda write: CASES.setdefault(title, write)


def put(path: Path, body: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body.encode() if isinstance(body, str) else body)


def objects(shown: str, *captions: str) -> str:
    """The JSON that the page shows, with captions in place of its dots."""
    [text] = re.findall(r"\{.*\}", shown, re.DOTALL)
    for caption in captions:
        assert '"..."' in text
        text = text.replace("...", caption, 1)
    assert "..." not in text
    return text


def tar_of(path: Path, image: tuple[str, bytes], beside: tuple[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_tar(path, [image, (beside[0], beside[1].encode())])


def two_shards(folder: Path, train: str, held_out: str) -> Expected:
    """The same key in both would be one image."""
    tar_of(folder / train, ("1.jpg", RED), ("1.txt", "a red cup"))
    tar_of(folder / held_out, ("2.png", BLUE), ("2.txt", "a blue cup"))
    return {"train": {"1": Pair(RED, ["a red cup"])}, "eval": {"2": Pair(BLUE, ["a blue cup"])}}


@case("WebDataset")
def webdataset(folder: Path, shown: Files) -> Expected:
    train, held_out = shown
    text = objects(shown[held_out], "a blue cup", "a red cup")
    members = {name: re.findall(r"\d+\.\w+", shown[name]) for name in shown}
    tar_of(folder / train, (members[train][0], RED), (members[train][1], "a red cup"))
    tar_of(folder / held_out, (members[held_out][0], BLUE), (members[held_out][1], text))
    return {
        "train": {"000001": Pair(RED, ["a red cup"])},
        "eval": {"000901": Pair(BLUE, ["a blue cup", "a red cup"], [1, 0], {"source": "web"})},
    }


@case("TFRecord")
def tfrecord(folder: Path, shown: Files) -> Expected:
    train, held_out = shown
    image, captions, key = re.findall(r"image/\w+", shown[train])
    for name, body, texts, number in (
        (train, RED, [b"a red cup", b"on a table"], 7),
        (held_out, BLUE, [b"a blue cup"], 8),
    ):
        example = tf.train.Example()
        example.features.feature[image].bytes_list.value.append(body)
        example.features.feature[captions].bytes_list.value.extend(texts)
        example.features.feature[key].int64_list.value.append(number)
        (folder / name).parent.mkdir(exist_ok=True)
        compression = "GZIP" if name.endswith(".gz") else ""
        with tf.io.TFRecordWriter(str(folder / name), compression) as writer:
            writer.write(example.SerializeToString())
    return {
        "train": {"7": Pair(RED, ["a red cup", "on a table"])},
        "eval": {"8": Pair(BLUE, ["a blue cup"])},
    }


@case("JSON Lines")
def json_lines(folder: Path, shown: Files) -> Expected:
    for name, text in shown.items():
        put(folder / name, text or {"1.jpg": RED, "2.jpg": BLUE}[Path(name).name])
    return {
        "train": {"1": Pair(RED, ["a red cup", "a cup on a table"])},
        "eval": {"2": Pair(BLUE, ["a blue cup"])},
    }


@case("CSV and TSV")
def tsv(folder: Path, shown: Files) -> Expected:
    [(name, text)] = shown.items()
    header, row = (re.split(r" {2,}", line) for line in text.splitlines())
    second = ["img/2.png", "a blue cup", "", "south"]
    put(folder / name, "".join("\t".join(cells) + "\n" for cells in (header, row, second)))
    put(folder / "pairs" / row[0], RED)
    put(folder / "pairs" / second[0], BLUE)
    return {  # the hash of the key decides: 0.18 is below the share of 0.5, and 0.99 is not
        "train": {"img/2.png": Pair(BLUE, ["a blue cup"], [], {"shop": "south"})},
        "eval": {"img/1.jpg": Pair(RED, ["a red cup", "rote Tasse"], [], {"shop": "north"})},
    }


@case("Parquet")
def parquet(folder: Path, shown: Files) -> Expected:
    for name, image, caption in zip(shown, (RED, BLUE), ("a red cup", "a blue cup"), strict=True):
        (folder / name).parent.mkdir(exist_ok=True)
        row = {"image": {"bytes": image, "path": None}, "caption": caption}
        pq.write_table(pa.Table.from_pylist([row]), folder / name)
    red, blue = (hashlib.sha256(image).hexdigest()[:32] for image in (RED, BLUE))
    return {
        "train": {red: Pair(RED, ["a red cup"])},
        "eval": {blue: Pair(BLUE, ["a blue cup"])},
    }


@case("COCO captions")
def coco(folder: Path, shown: Files) -> Expected:
    train, held_out, *images = shown
    for name, file, number, captions in (
        (train, images[0], 9, ["a red cup", "on a table"]),
        (held_out, images[1], 139, ["a blue cup"]),
    ):
        payload = {
            "images": [{"id": number, "file_name": Path(file).name}],
            "annotations": [{"image_id": number, "caption": each} for each in captions],
        }
        put(folder / name, json.dumps(payload))
        put(folder / file, RED if number == 9 else BLUE)
    return {
        "train": {"000000000009": Pair(RED, ["a red cup", "on a table"])},
        "eval": {"000000000139": Pair(BLUE, ["a blue cup"])},
    }


@case("Folder of images")
def images(folder: Path, shown: Files) -> Expected:
    image, text, other, described = shown
    put(folder / image, RED)
    put(folder / text, "a red cup\non a table\n")
    put(folder / other, BLUE)
    put(folder / described, objects(shown[described], "a blue cup"))
    return {
        "train": {"cups/1": Pair(RED, ["a red cup", "on a table"])},
        "eval": {"2": Pair(BLUE, ["a blue cup"], [], {"source": "web"})},
    }


@case("Hugging Face imagefolder")
def imagefolder(folder: Path, shown: Files) -> Expected:
    lines, image, table, other = shown
    put(folder / lines, shown[lines])
    put(folder / image, RED)
    put(folder / table, f"{shown[table]}\n{Path(other).name},a blue cup\n")
    put(folder / other, BLUE)
    return {"train": {"1": Pair(RED, ["a red cup"])}, "eval": {"2": Pair(BLUE, ["a blue cup"])}}


@case("S3 and other stores")
def bucket(folder: Path, shown: Files) -> Expected:
    return two_shards(folder, "shards/train-0.tar", "shards/eval-0.tar")


@case("Splits")
def nights(folder: Path, shown: Files) -> Expected:
    two_shards(folder, "shards/night-9/train-0.tar", "shards/night-9/eval-0.tar")
    put(folder / "shards/night-9/train-1.tar", "an older night is not read")
    return two_shards(folder, "shards/night-10/train-0.tar", "shards/night-10/eval-0.tar")


@case("Data from elsewhere")
def elsewhere(folder: Path, shown: Files) -> Expected:
    put(folder / "pictures/1.jpg", RED)
    put(folder / "pairs/2.png", BLUE)
    line = {"image": "../pictures/1.jpg", "caption": "a red cup", "id": "1"}
    put(folder / "pairs/train.jsonl", json.dumps(line))
    line = {"image": "2.png", "caption": "a blue cup", "id": "2"}
    put(folder / "pairs/eval.jsonl", json.dumps(line))
    return {"train": {"1": Pair(RED, ["a red cup"])}, "eval": {"2": Pair(BLUE, ["a blue cup"])}}


@case("Near duplicates")
def twins(folder: Path, shown: Files) -> Expected:
    red, again = picture(1, "jpeg", (96, 64)), picture(1, "png", (120, 80))
    tar_of(folder / "shards/train-0.tar", ("1.jpg", red), ("1.txt", "a red cup"))
    tar_of(folder / "shards/eval-0.tar", ("2.png", again), ("2.txt", "the same cup"))
    return {"train": {"1": Pair(red, ["a red cup"])}, "eval": {"2": Pair(again, ["the same cup"])}}
