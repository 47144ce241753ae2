"""Any number of pairs in each of the eight layouts, in files named as `docs/data.md` names them."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from tests.support.ingest import picture, write_tar

Pair = tuple[str, bytes, list[str]]  # key, image, captions
Pairs = dict[str, list[Pair]]  # by split

LAYOUTS: dict[str, Callable[[Path, Pairs], None]] = {}


def pairs(train: int = 24, held_out: int = 8) -> Pairs:
    """Pictures like no others, with captions of which no two are equal."""

    def some(numbers: Sequence[int]) -> list[Pair]:
        return [(f"{n:04}", picture(n), [f"a cup number {n}", f"cup {n} on it"]) for n in numbers]

    return {"train": some(range(train)), "eval": some(range(1000, 1000 + held_out))}


def layout(title: str) -> Callable[[Callable], Callable]:
    return lambda write: LAYOUTS.setdefault(title, write)


def put(path: Path, body: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body.encode() if isinstance(body, str) else body)


@layout("WebDataset")
def webdataset(folder: Path, given: Pairs) -> None:
    for split, some in given.items():
        for number in range(2):
            members = [
                member
                for key, image, captions in some[number::2]
                for member in (
                    (f"{key}.png", image),
                    (f"{key}.json", json.dumps({"captions": captions}).encode()),
                )
            ]
            write_tar(folder / f"{split}-00{number}.tar.gz", members)


@layout("TFRecord")
def tfrecord(folder: Path, given: Pairs) -> None:
    names = {"train": "train.tfrecord-00000-of-00001", "eval": "eval.tfrecord"}
    for split, some in given.items():
        with tf.io.TFRecordWriter(str(folder / names[split])) as writer:
            for key, image, captions in some:
                example = tf.train.Example()
                feature = example.features.feature
                feature["image/encoded"].bytes_list.value.append(image)
                feature["image/caption"].bytes_list.value.extend(c.encode() for c in captions)
                feature["image/id"].bytes_list.value.append(key.encode())
                writer.write(example.SerializeToString())


@layout("JSON Lines")
def json_lines(folder: Path, given: Pairs) -> None:
    for split, some in given.items():
        lines = []
        for key, image, captions in some:
            put(folder / f"images/{key}.png", image)
            row = {"image": f"images/{key}.png", "image_id": int(key)}
            lines += [json.dumps({**row, "caption": caption}) for caption in captions]
        put(folder / f"{split}.jsonl", "\n".join(lines) + "\n")


@layout("CSV and TSV")
def tsv(folder: Path, given: Pairs) -> None:
    out = io.StringIO()
    table = csv.writer(out, delimiter="\t", lineterminator="\n")
    table.writerow(["picture", "english", "german", "shop"])
    for key, image, captions in [*given["train"], *given["eval"]]:
        put(folder / f"img/{key}.png", image)
        shop = "north" if int(key) % 2 else "south"
        table.writerow([f"img/{key}.png", captions[0], f"eine Tasse {key}", shop])
    put(folder / "all.tsv", out.getvalue())


@layout("Parquet")
def parquet(folder: Path, given: Pairs) -> None:
    names = {"train": "train", "eval": "test"}
    for split, some in given.items():
        rows = [
            {"image": {"bytes": image, "path": None}, "caption": captions[0]}
            for _, image, captions in some
        ]
        pq.write_table(
            pa.Table.from_pylist(rows), folder / f"{names[split]}-00000-of-00001.parquet"
        )


@layout("COCO captions")
def coco(folder: Path, given: Pairs) -> None:
    names = {"train": "train2017", "eval": "val2017"}
    for split, some in given.items():
        images, annotations = [], []
        for key, image, captions in some:
            put(folder / names[split] / f"{key}.png", image)
            images.append({"id": int(key), "file_name": f"{key}.png"})
            annotations += [{"image_id": int(key), "caption": caption} for caption in captions]
        payload = {"images": images, "annotations": annotations}
        put(folder / f"annotations/captions_{names[split]}.json", json.dumps(payload))
        boxes = {"images": images, "annotations": [{"image_id": int(key), "bbox": [0, 0, 1, 1]}]}
        put(folder / f"annotations/instances_{names[split]}.json", json.dumps(boxes))


@layout("Folder of images")
def images(folder: Path, given: Pairs) -> None:
    for split, some in given.items():
        for key, image, captions in some:
            put(folder / split / f"cups/{key}.png", image)
            put(folder / split / f"cups/{key}.txt", "\n".join(captions) + "\n")


@layout("Hugging Face imagefolder")
def imagefolder(folder: Path, given: Pairs) -> None:
    names = {"train": "train", "eval": "test"}
    for split, some in given.items():
        lines = []
        for key, image, captions in some:
            put(folder / names[split] / f"{key}.png", image)
            lines.append(json.dumps({"file_name": f"{key}.png", "text": captions[0]}))
        put(folder / names[split] / "metadata.jsonl", "\n".join(lines) + "\n")
