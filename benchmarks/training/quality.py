"""Recall after the same wall-clock on the same pairs, against open_clip.

    .venv/bin/python -m benchmarks.training.quality [--seconds 300]

Both learn the emoji of four vendors, as the last `make demo` ingested them, and are asked for those
of a fifth: ours with the example's config, open_clip as `quality_theirs` says. Each has the machine
to itself, one after the other; what is timed is building, compiling and training, with the images
in memory. Recall is text to image among all images of that vendor, for the names alone and for
names and keywords.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from benchmarks import machine
from benchmarks.training import peer
from trainer.training.data.retrieval_sample import Sample, recall


def main() -> None:
    """Print both recalls and their difference."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=300)
    options = parser.parse_args()
    print(machine.describe())
    artifacts = peer.ROOT / "runs" / "emoji" / "artifacts"
    graph = _newest(artifacts / "Transform" / "transform_graph")
    train = _newest(artifacts / "Transform" / "transformed_examples") / "Split-train"
    pairs = peer.SCRATCH / "pairs.npz"
    image_texts = _write_pairs(_newest(artifacts / "ImageTextExampleGen" / "examples"), pairs)
    texts = [each for its in image_texts for each in its]
    counts = [len(its) for its in image_texts]
    names = np.cumsum([0, *counts[:-1]])  # the first text of each image
    asked_for = Sample(
        pixels=np.zeros(0),
        tokens=np.zeros(0),
        owner=np.repeat(np.arange(len(counts)), counts),
        caption_ids=np.unique(texts, return_inverse=True)[1],
    )
    question = {
        "seconds": options.seconds, "data": str(pairs), "texts": texts, "graph": str(graph),
        "files": sorted(map(str, train.iterdir())),
    }  # fmt: skip
    at_1 = {}
    for name, interpreter, module in (
        ("ours", sys.executable, "quality_ours"),
        (peer.NAME, peer.python(), "quality_theirs"),
    ):
        out = peer.SCRATCH / f"{module}.npz"
        with peer.Program(interpreter, module, {**question, "out": str(out)}) as program:
            answer = program.first()
        with np.load(out) as found:
            images, embedded = found["images"], found["texts"]
        ranks, _ = asked_for.ranks(images, embedded)
        figures = [recall(chosen, k) for chosen in (ranks[names], ranks) for k in (1, 10)]
        at_1[name] = figures[0]
        print(
            f"{name:16} {answer['pairs'] / answer['seconds']:6.0f} pairs/s for "
            f"{answer['seconds']:.0f} s; recall@1 and @10 among {len(images)}: names "
            f"{figures[0]:.3f} {figures[1]:.3f}, all texts {figures[2]:.3f} {figures[3]:.3f}"
        )
    difference = at_1["ours"] - at_1[peer.NAME]
    times = at_1["ours"] / at_1[peer.NAME]
    print(f"recall@1 of names: {difference:+.3f} (at least +0.15), {times:.2f} times (aim: 2)")


def _newest(folder: Path) -> Path:
    if not folder.is_dir():
        sys.exit("there is no run to read from: `make demo` first")
    return max(folder.iterdir(), key=lambda each: int(each.name))


def _write_pairs(examples: Path, out: Path) -> list[list[str]]:
    """Write the images and texts of both splits; answer with the texts of the evaluated one."""
    import tensorflow as tf

    from schema import features

    found: dict[str, list] = {}
    for split in ("train", "eval"):
        images, texts = [], []
        files = sorted(map(str, (examples / f"Split-{split}").iterdir()))
        for record in tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator():
            feature = tf.train.Example.FromString(record).features.feature
            images.append(feature[features.IMAGE_ENCODED].bytes_list.value[0])
            texts.append([t.decode() for t in feature[features.CAPTIONS].bytes_list.value])
        found[f"{split}_images"], found[f"{split}_texts"] = images, texts
    arrays = {}
    for name, values in found.items():
        arrays[name] = np.empty(len(values), object)
        arrays[name][:] = values
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez(out, **arrays)  # type: ignore[arg-type]  # as in trainer/export/golden_outputs.py
    texts_of_eval: list[list[str]] = found["eval_texts"]
    return texts_of_eval


if __name__ == "__main__":
    main()
