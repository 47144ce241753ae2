"""Features of frozen backbones, computed once, so that an epoch costs no more than the heads.

They are computed before the first step and not during the first epoch: in the order of the files,
in large batches, every caption once however many records carry it, and each step of the run is the
same small program. A resumed run computes them anew; they are the same.

Images of a frozen tower are not augmented, since their features are those of the image as it is.
"""

import collections
import dataclasses
import logging
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from schema import features
from schema.system import disk
from trainer.models.dual_encoder import DualEncoder
from trainer.training.data import input_pipeline
from trainer.training.data.cached_features import CachedFeatures
from trainer.training.data.retrieval_sample import Sample
from trainer.training.distribution.tf_config import Cluster

LOGGER = logging.getLogger(__name__)
IMAGES_AT_ONCE, CAPTIONS_AT_ONCE = 64, 256
Function = Callable[[tf.Tensor], tf.Tensor]


class Featurizer:
    """Computes features with the frozen backbones of a model.

    Args:
        model: with the weights to start with.
        folder: for features that are too many for the memory; None: the system's for such files.
    """

    def __init__(self, model: DualEncoder, folder: str | None):
        self._config, self._folder = model.config, folder
        image, text = model.config.model.image_tower, model.config.model.text_tower
        size, longest = model.config.image.size, model.config.text.max_tokens
        pixels = tf.TensorSpec([None, size, size, 3], tf.uint8)
        tokens = tf.TensorSpec([None, longest if text.fixed_length else None], tf.int64)
        self._functions = {
            features.PIXELS: _function(model.image_features, pixels) if image.cached else None,
            features.TOKENS: _function(model.text_features, tokens) if text.cached else None,
        }
        self._trims = not text.fixed_length
        self._left = model.config.training.cache_mb * 2**20  # bytes of memory

    @property
    def is_needed(self) -> bool:
        """Whether a tower is frozen."""
        return any(function is not None for function in self._functions.values())

    def of_records(
        self,
        files: Sequence[str],
        spec: input_pipeline.Spec,
        count: int,
        cluster: Cluster = input_pipeline.SINGLE_WORKER,
        keep: input_pipeline.Keep | None = None,
    ) -> CachedFeatures:
        """Compute the features of a worker's records.

        Args:
            files: transformed records.
            spec: their parsing spec.
            count: how many records of the files this worker reads and keeps.
            cluster: the workers, and which one this is.
            keep: which records to take; None: all.

        Raises:
            UnavailableError: the features fit neither into `training.cache_mb` nor on the disk.
        """
        started = time.monotonic()
        unused = {name for name, function in self._functions.items() if function is None}
        needed = {name: parsed for name, parsed in spec.items() if name not in unused}
        records = input_pipeline.examples(files, needed, self._config, cluster, keep)
        tokens: list[np.ndarray] = []

        def pixels() -> Iterator[tf.Tensor | None]:
            for batch in records.batch(IMAGES_AT_ONCE).prefetch(2):
                if features.TOKENS in batch:
                    tokens.append(batch[features.TOKENS].numpy().astype(np.int32))
                yield batch.get(features.PIXELS)

        images = captions = rows = present = None
        if self._functions[features.PIXELS] is None:
            collections.deque(pixels(), maxlen=0)
        else:
            images = self._filled(features.PIXELS, pixels(), count)
        if tokens:
            all_tokens = np.concatenate(tokens)
            present = np.asarray(all_tokens.any(axis=2))
            captions, rows = self._of_captions(all_tokens)
        counts = [f"{count} images"] if images is not None else []
        counts += [f"{len(captions)} captions"] if captions is not None else []
        seconds = time.monotonic() - started
        LOGGER.info("computed the features of %s once, in %.1f s", " and ".join(counts), seconds)
        return CachedFeatures(images, captions, rows, present)

    def of_sample(self, sample: Sample, known: CachedFeatures | None = None) -> Sample:
        """Return a sample with the features of what frozen towers would get.

        Args:
            sample: of records.
            known: features of records of which the sample's are the first ones; None: of others.
        """
        images = texts = None
        if known is not None and known.images is not None:
            images = known.images[: sample.count]
        elif self._functions[features.PIXELS] is not None:
            batches = np.array_split(sample.pixels, -(-sample.count // IMAGES_AT_ONCE))
            images = self._filled(features.PIXELS, batches, sample.count)
        if known is not None and known.captions is not None and known.caption_rows is not None:
            texts = known.captions[known.caption_rows[sample.owner, sample.place]]
        elif self._functions[features.TOKENS] is not None:
            captions, rows = self._of_captions(sample.tokens[:, None].astype(np.int32))
            texts = captions[rows[:, 0]]
        return dataclasses.replace(sample, image_inputs=images, text_inputs=texts)

    def _of_captions(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compute the features of the distinct rows of tokens [n, captions, tokens].

        Returns:
            The features [m, f], and which of them belongs to each caption, int64 [n, captions].
        """
        flat = np.ascontiguousarray(tokens.reshape(-1, tokens.shape[-1]))
        as_one = flat.view([("", flat.dtype)] * flat.shape[1]).ravel()
        _, first, rows = np.unique(as_one, return_index=True, return_inverse=True)
        # Captions of similar length together: a transformer spends no time on padding.
        order = np.argsort((flat[first] != 0).sum(1), kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        distinct = flat[first[order]].astype(np.int64)

        def batches() -> Iterator[tf.Tensor]:
            for start in range(0, len(distinct), CAPTIONS_AT_ONCE):
                batch = tf.constant(distinct[start : start + CAPTIONS_AT_ONCE])
                yield input_pipeline.without_padding(batch) if self._trims else batch

        table = self._filled(features.TOKENS, batches(), len(distinct))
        return table, place[rows.reshape(tokens.shape[:2])]

    def _filled(self, name: str, batches: Iterable[Any], count: int) -> np.ndarray:
        """Compute a table of `count` rows, batch by batch."""
        function, table, done = self._functions[name], None, 0
        assert function is not None
        for batch in batches:
            made = function(tf.convert_to_tensor(batch)).numpy()
            if table is None:
                table = self._table((count, *made.shape[1:]), made.dtype)
            table[done : done + len(made)] = made
            done += len(made)
        assert table is not None
        return table

    def _table(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        size = int(np.prod(shape)) * dtype.itemsize
        if size <= self._left:
            self._left -= size
            return np.empty(shape, dtype)
        folder = self._folder or tempfile.gettempdir()
        disk.require([disk.Need(Path(folder), size, "the features of frozen towers")])
        Path(folder).mkdir(parents=True, exist_ok=True)
        # Without a name, so that nothing of it is left however the run ends.
        with tempfile.TemporaryFile(dir=folder) as file:
            return np.memmap(file, dtype, "w+", shape=shape)


def _function(features_of: Callable[[tf.Tensor], tf.Tensor], spec: tf.TensorSpec) -> Function:
    return tf.function(features_of, input_signature=[spec])
