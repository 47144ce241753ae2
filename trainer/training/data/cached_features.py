"""Features of frozen backbones in place of the input of their towers."""

import dataclasses

import numpy as np
import tensorflow as tf

from schema import features


@dataclasses.dataclass(frozen=True)
class CachedFeatures:
    """The features of a worker's records, in the order of `input_pipeline.examples`.

    Attributes:
        images: [records, f]; None: the image tower is not frozen.
        captions: of each distinct caption, [m, f]; None: the text tower is not frozen.
        caption_rows: the row in `captions` of each record's captions, [records, max_captions].
        has_caption: which of them are captions, and not padding, bool [records, max_captions].
    """

    images: np.ndarray | None
    captions: np.ndarray | None
    caption_rows: np.ndarray | None
    has_caption: np.ndarray | None = None

    def with_rows(self, records: tf.data.Dataset) -> tf.data.Dataset:
        """Replace pixels and tokens by row numbers, which `look_up` replaces by features.

        Args:
            records: all of them in their order, without what is replaced.

        Returns:
            The records with pixels, int64 [], and tokens, int64 [max_captions, 1]: like captions of
            a single token, so that captions are drawn in the same way.
        """
        rows = self.caption_rows

        def number(place: tf.Tensor, record: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            record = dict(record)
            if self.images is not None:
                record[features.PIXELS] = place
            if rows is not None:
                record[features.TOKENS] = _gathered(rows, place[None])[0, :, None]
            return record

        return records.enumerate().map(number)

    def look_up(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Replace row numbers, pixels [n] and tokens [..., 1], by features, [n, f] and [..., f]."""
        batch = dict(batch)
        if self.images is not None:
            batch[features.PIXELS] = _gathered(self.images, batch[features.PIXELS])
        if self.captions is not None:
            batch[features.TOKENS] = _gathered(self.captions, batch[features.TOKENS][..., 0])
        return batch


def _gathered(table: np.ndarray, rows: tf.Tensor) -> tf.Tensor:
    """Return rows of a table; not as a constant of the graph, which would copy it."""
    looked_up = tf.numpy_function(lambda chosen: table[chosen], [rows], table.dtype, stateful=False)
    return tf.ensure_shape(looked_up, [*rows.shape, *table.shape[1:]])
