"""Embed a split with Beam: the SavedModel once per worker, the embeddings into files."""

from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the ops of the served model, in workers too
from apache_beam.utils.shared import Shared

from components.beam_progress import count_records
from components.catalogue_index.packed import CAPTIONS, IMAGES, pack, read_batches
from components.catalogue_index.shown import Record, line_of
from components.catalogue_index.thumbnails import thumbnail
from schema import features, serving_names
from schema.errors import InputError
from trainer.preprocessing.captions import text_ids

NODE = "CatalogueIndexer"
RECORDS_AT_ONCE = 64  # raw images of one call of the model

Caption = tuple[tuple[int, str, int], np.ndarray]  # ((text id, key, number), embedding)


def write_embeddings(
    pipeline: beam.Pipeline,
    examples: str,
    model: str,
    max_captions: int,
    thumbnails: int | None,
    folder: str,
) -> None:
    """Embed every record of a split and a sample of its captions, and shrink its images.

    The sample holds distinct captions, those whose texts hash lowest: the same ones every time,
    however Beam cuts the data.

    Args:
        pipeline: where the steps are added.
        examples: pattern of the split's files, gzipped TFRecords of tf.train.Example.
        model: folder of the joint SavedModel.
        max_captions: size of the sample.
        thumbnails: pixels of the larger side; None: there are none.
        folder: for the embeddings; every worker can write to it. `read_batches` reads them.
    """
    embedded = (
        pipeline
        | "Read" >> beam.io.ReadFromTFRecord(examples)
        | "Spread" >> beam.Reshuffle()
        | "Batch" >> beam.BatchElements(RECORDS_AT_ONCE, RECORDS_AT_ONCE)
        | "Embed" >> beam.ParDo(_Embed(model, thumbnails)).with_outputs(CAPTIONS, main=IMAGES)
    )
    _ = embedded[IMAGES] | "Keys" >> beam.FlatMap(itemgetter(0)) | "Count" >> count_records(NODE)
    _ = (
        embedded[IMAGES]
        | "PackImages" >> beam.MapTuple(pack)
        | "WriteImages" >> beam.io.WriteToTFRecord(f"{folder}/{IMAGES}")
    )
    _ = (
        embedded[CAPTIONS]
        | "Sample" >> beam.CombineGlobally(SampleTexts(max_captions))
        | "PackCaptions" >> beam.Map(_pack_captions)
        | "WriteCaptions" >> beam.io.WriteToTFRecord(f"{folder}/{CAPTIONS}", num_shards=1)
    )


def catalogue(embedded: str, scratch: Path) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return the catalogue, whatever order Beam wrote it in.

    Args:
        embedded: folder of what `write_embeddings` wrote.
        scratch: folder on this machine for a file as large as the vectors, which are put into
            their places there: only the keys are held in memory.

    Returns:
        Keys in ascending order of their characters [n], vectors float32 [n, d] that stay in their
        file, and the place of each image in this order, as Beam wrote them, int64 [n].

    Raises:
        InputError: no images at all.
    """
    keys, dim = [], 0
    for some, vectors in read_batches(embedded, IMAGES):
        keys += some
        dim = vectors.shape[1]
    if not keys:
        raise InputError("the split of the catalogue holds no record")
    order = sorted(range(len(keys)), key=keys.__getitem__)
    ordered = [keys[n] for n in order]
    places = np.empty(len(keys), np.int64)
    places[order] = np.arange(len(keys))
    gathered = np.lib.format.open_memmap(
        scratch / "gathered.npy", "w+", np.float32, (len(keys), dim)
    )
    start = 0
    for some, vectors in read_batches(embedded, IMAGES):
        gathered[places[start : start + len(some)]] = vectors
        start += len(some)
    return ordered, gathered.view(np.ndarray), places


def captions(embedded: str) -> np.ndarray:
    """Return the embeddings of the sampled captions, float32 [q, d].

    Raises:
        InputError: the split has no caption.
    """
    [(keys, vectors)] = read_batches(embedded, CAPTIONS)
    if not keys:
        raise InputError("the split of the catalogue has no caption to search it with")
    return vectors


def _pack_captions(sample: list[Caption]) -> bytes:
    keys = [key for (_, key, _), _ in sample]
    vectors = [vector for _, vector in sample]
    return pack(keys, np.stack(vectors) if vectors else np.zeros((0, 0), np.float32))


class SampleTexts(beam.CombineFn):
    """Keep the captions with the least text ids, each text once, in the order of their ids.

    Of captions that are the same, the one with the first key is kept.

    Args:
        size: of the sample.
    """

    def __init__(self, size: int):
        super().__init__()
        self._size = size

    def create_accumulator(self) -> dict[int, Caption]:
        return {}

    def add_input(self, accumulator: dict[int, Caption], caption: Caption) -> dict[int, Caption]:
        text = caption[0][0]
        accumulator[text] = min(caption, accumulator.get(text, caption), key=itemgetter(0))
        return self._cut(accumulator) if len(accumulator) > 2 * self._size else accumulator

    def merge_accumulators(self, accumulators: Iterable[dict[int, Caption]]) -> dict[int, Caption]:
        merged = self.create_accumulator()
        for accumulator in accumulators:
            for caption in accumulator.values():
                merged = self.add_input(merged, caption)
        return merged

    def extract_output(self, accumulator: dict[int, Caption]) -> list[Caption]:
        return list(self._cut(accumulator).values())

    def _cut(self, accumulator: dict[int, Caption]) -> dict[int, Caption]:
        return dict(sorted(accumulator.items(), key=itemgetter(0))[: self._size])


class _Embed(beam.DoFn):
    """Serialized Examples to what `pack` takes, and one element for each caption."""

    def __init__(self, model: str, thumbnails: int | None):
        self._path, self._thumbnails, self._shared = model, thumbnails, Shared()

    def setup(self) -> None:
        self._model = self._shared.acquire(self._load, tag=self._path)

    def _load(self) -> Any:
        try:
            model = tf.saved_model.load(self._path)
        except (OSError, ValueError, tf.errors.OpError) as error:
            raise InputError(f"{self._path}: has no SavedModel that can be loaded") from error
        if serving_names.SERVING_DEFAULT not in model.signatures:
            raise InputError(f"{self._path}: has no signature {serving_names.SERVING_DEFAULT}")
        return model

    def process(self, batch: list[bytes]) -> Iterator[Any]:
        records = [tf.train.Example.FromString(each).features.feature for each in batch]
        keys = [record[features.IMAGE_KEY].bytes_list.value[0].decode() for record in records]
        answer = self._model.signatures[serving_names.SERVING_DEFAULT](
            **{serving_names.EXAMPLES_INPUT: tf.constant(batch)}
        )
        if features.VALID in answer:
            for key, valid in zip(keys, answer[features.VALID].numpy(), strict=True):
                if not valid:
                    raise InputError(f"the model cannot decode the image of the record {key}")
        lines = [line_of(_record(*one)) for one in zip(keys, records, strict=True)]
        yield keys, answer[features.IMAGE_EMBEDDING].numpy(), lines, self._shrunk(records)
        for key, record, vectors in zip(
            keys, records, answer[features.TEXT_EMBEDDINGS].numpy(), strict=True
        ):
            captions = _captions(record)
            for number, text in enumerate(text_ids(captions).tolist()):
                place = (text, key, number)
                yield beam.pvalue.TaggedOutput(CAPTIONS, (place, vectors[number].copy()))

    def _shrunk(self, records: Sequence[Any]) -> list[bytes]:
        """Return a thumbnail of each record, nothing for an image that cannot be shrunk."""
        if self._thumbnails is None:
            return []
        images = (record[features.IMAGE_ENCODED].bytes_list.value[0] for record in records)
        return [thumbnail(image, self._thumbnails) or b"" for image in images]


def _record(key: str, record: Any) -> Record:
    attributes = {
        features.attribute_name(name): record[name].bytes_list.value[0].decode()
        for name in sorted(record)
        if features.is_attribute(name)
    }
    return Record(key, tuple(_captions(record)), attributes)


def _captions(record: Any) -> list[str]:
    return [text.decode() for text in record[features.CAPTIONS].bytes_list.value]
