"""Peak memory of the Evaluator's own part: ranking, slices and intervals, without a model.

`python -m benchmarks.evaluation_memory` runs the extractor and the metric over made-up embeddings
in Beam's local runner, each case in a process of its own, and prints how much memory it needs above
what the imports take, and how long it takes. The first case is many images of a few classes, where
one text matches thousands of images; in the second each image has several captions of its own.

    python -m benchmarks.evaluation_memory [IMAGES [WIDTH]]
"""

import functools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.options.pipeline_options import PipelineOptions

from benchmarks import machine
from components.evaluator.config import ZeroShotConfig
from components.evaluator.slices import slice_feature
from components.evaluator.tfma.extractor import ExtractScores
from components.evaluator.tfma.metric import SCORES, MeasureFn
from components.evaluator.tfma.scored_batch import FEATURES, PREDICTIONS
from schema import features

IMAGES, WIDTH, CLASSES, CAPTIONS = 100_000, 256, 10, 5
BATCH = 1_000  # records that TFMA hands over together, about
RESAMPLES, CONFIDENCE = 1000, 0.95
AIM = 1000  # MB above the models, for many images of ten classes
KIND = "kind"


class Element:
    """What TFMA hands to a combiner."""

    def __init__(self, scores: np.ndarray):
        self._scores = scores

    def get_features(self) -> dict[str, Any]:
        """The one feature that is asked for."""
        return {SCORES: self._scores}


def embed(width: int, texts: list[str]) -> np.ndarray:
    """A vector that depends on the text alone."""
    seeds = [int.from_bytes(text.encode()[-8:], "big") for text in texts]
    return np.array([np.random.default_rng(seed).normal(size=width) for seed in seeds], np.float32)


def extracts(first: int, images: int, width: int, captions: int) -> dict[str, Any]:
    """A batch as TFMA hands it over; captions 0: the name of one of ten classes."""
    rng = np.random.default_rng(first)
    count = min(BATCH, images - first)
    kinds = np.arange(first, first + count) % CLASSES
    seen = rng.normal(size=(count, width)).astype(np.float32)
    if captions:
        said = [[f"a photo of {first + n} by {c}" for c in range(captions)] for n in range(count)]
        noise = rng.normal(size=(count, captions, width)).astype(np.float32)
        texts = seen[:, None] + 2 * noise
    else:
        said = [[f"class {kind}"] for kind in kinds]
        names = np.random.default_rng(0).normal(size=(CLASSES, width)).astype(np.float32)
        texts = names[kinds][:, None]
        seen += 0.3 * names[kinds]
    for each in (seen, texts):
        each /= np.linalg.norm(each, axis=-1, keepdims=True)

    def strings(rows: list[list[str]]) -> np.ndarray:
        return np.array([[each.encode() for each in row] for row in rows], object)

    return {
        FEATURES: {
            features.IMAGE_KEY: strings([[f"image-{first + n:07d}"] for n in range(count)]),
            features.CAPTIONS: strings(said),
            features.attribute(KIND): strings([[f"class {kind}"] for kind in kinds]),
        },
        PREDICTIONS: {features.IMAGE_EMBEDDING: seen, features.TEXT_EMBEDDINGS: texts},
    }


def sliced(given: dict[str, Any]) -> Iterator[tuple[str, Element]]:
    """Each record under all queries and under its class, as TFMA slices."""
    kinds = given[FEATURES][slice_feature(KIND)][:, 0]
    for scores, kind in zip(given[FEATURES][SCORES], kinds, strict=True):
        yield "", Element(scores)
        yield kind, Element(scores)


def queries(found: dict[Any, Any]) -> float:
    """How many texts are queries in a slice."""
    return next(v for key, v in found.items() if key.name == "text_to_image_mrr/count")


def memory(field: str) -> float:
    """A field of this process's memory, MB: VmRSS now, VmHWM at its peak."""
    with open("/proc/self/status", encoding="utf-8") as status:
        [line] = [line for line in status if line.startswith(field)]
    return int(line.split()[1]) / 1024


def run(images: int, width: int, captions: int) -> None:
    """Evaluate in this process and print what it took, as JSON."""
    tower: Any = functools.partial(embed, width)
    classes = [f"class {n}" for n in range(CLASSES)]
    scratch = tempfile.TemporaryDirectory()
    zero_shot = ZeroShotConfig(attribute=KIND)
    extract = ExtractScores({"": tower}, [KIND], zero_shot, classes, scratch.name)
    before, start = memory("VmRSS"), time.perf_counter()
    options = PipelineOptions(["--runner=FnApiRunner", "--sdk_container_image=none"])
    with beam.Pipeline(options=options) as pipeline:
        _ = (
            pipeline
            | beam.Create(list(range(0, images, BATCH)), reshuffle=False)
            | "Make" >> beam.Map(extracts, images, width, captions)
            | extract
            | "Slice" >> beam.FlatMap(sliced)
            | "Measure" >> beam.CombinePerKey(MeasureFn(("",), RESAMPLES, CONFIDENCE))
            | "Counts" >> beam.MapTuple(lambda key, found: (key, queries(found)))
            | "Print" >> beam.Map(lambda found: print(json.dumps(found)))
        )
    scratch.cleanup()
    print(json.dumps([memory("VmHWM") - before, time.perf_counter() - start]), flush=True)


def main() -> None:
    """Measure each case and print."""
    images = int(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    width = int(sys.argv[2]) if len(sys.argv) > 2 else WIDTH
    print(machine.describe())
    for captions, name in ((0, f"{CLASSES} classes"), (CAPTIONS, f"{CAPTIONS} captions each")):
        command = [
            sys.executable,
            "-m",
            __spec__.name,
            "case",
            *map(str, (images, width, captions)),
        ]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        *counts, (megabytes, seconds) = map(json.loads, done.stdout.splitlines())
        texts, slices = dict(counts)[""], len(counts) - 1
        aim = "" if captions else f" (aim {AIM:,})"
        print(
            f"{images:,} images x {width}, {name}: {texts:,.0f} texts, {slices} slices; "
            f"{megabytes:,.0f} MB{aim} and {seconds:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["case"]:
        run(*map(int, sys.argv[2:]))
    else:
        main()
