"""Write the graph of `preprocessing_fn` as tf.Transform does, and apply it to files of records.

The vocabulary, all that the graph learns from data, is learned before. So tf.Transform has nothing
to analyse, and makes the graph once.
"""

import functools
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft

# Private, as all that makes a graph without Beam. TFX's Transform calls it in the same way, and
# `test_transform_graph.py` the graph that comes out.
from tensorflow_transform import impl_helper
from tensorflow_transform.tf_metadata import metadata_io
from tensorflow_transform.tf_metadata.dataset_metadata import DatasetMetadata
from tfx_bsl.public.tfxio import RecordBatchToExamplesEncoder

from trainer.config.transform import TransformConfig
from trainer.preprocessing import vocabulary_file
from trainer.preprocessing.preprocessing_fn import INPUTS, preprocessing_fn

VOCABULARY = "vocabulary"  # name of the asset
BATCH = 64  # records, whose images are in memory at once
# Pixels are a JPEG or a PNG, or of a small image. Every reader of records expects gzip.
_OPTIONS = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=0)


def write_graph(
    folder: str, config: TransformConfig, raw: DatasetMetadata, counts: Mapping[bytes, int]
) -> None:
    """Write what `tft.TFTransformOutput` reads.

    Args:
        folder: to write to.
        config: the sections `image` and `text`.
        raw: with the schema of the records.
        counts: how often each word of the train split occurs.

    Raises:
        InputError: as `vocabulary_file.write`.
    """
    metadata_io.write_metadata(raw, f"{folder}/{tft.TFTransformOutput.RAW_METADATA_DIR}")
    # TensorFlow reads the path of an asset as ASCII while it saves a graph.
    parent = None if tempfile.gettempdir().isascii() else "/tmp"  # noqa: S108
    with tempfile.TemporaryDirectory(dir=parent) as temporary:
        vocabulary = str(Path(temporary, VOCABULARY))
        vocabulary_file.write(vocabulary, config.text, counts)
        features = tft.tf_metadata.schema_utils.schema_as_feature_spec(raw.schema).feature_spec
        impl_helper.analyze_in_place(
            functools.partial(preprocessing_fn, config=config, vocabulary=vocabulary),
            force_tf_compat_v1=False,
            feature_specs=features,
            type_specs=impl_helper.get_type_specs_from_feature_specs(features),
            transform_output_path=folder,
        )


class Records:
    """Transforms files of records by a graph, as it is loaded to serve; safe in threads.

    Args:
        folder: see `write_graph`.
    """

    def __init__(self, folder: str):
        output = tft.TFTransformOutput(folder)
        spec = output.raw_feature_spec()
        used = {name: spec[name] for name in INPUTS}
        layer = output.transform_features_layer()

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
        def transform(records: tf.Tensor) -> dict[str, tf.Tensor]:
            return dict(layer(tf.io.parse_example(records, used)))

        self._transform = transform
        transform(tf.constant([], tf.string))  # makes it ready, which two threads would do twice
        self._encoder = RecordBatchToExamplesEncoder(output.transformed_metadata.schema)

    def write(self, source: str, target: str) -> int:
        """Transform a file of serialized tf.train.Example into another one, in the same order.

        Returns:
            How many records there are.
        """
        count = 0
        with tf.io.TFRecordWriter(target, _OPTIONS) as writer:
            for batch in tf.data.TFRecordDataset(source, "GZIP").batch(BATCH).prefetch(1):
                for record in self._encoder.encode(_to_arrow(self._transform(batch))):
                    writer.write(record)
                    count += 1
        return count


def _to_arrow(batch: Mapping[str, tf.Tensor]) -> pa.RecordBatch:
    """Convert tensors [n, ...], as rows of all their values."""
    columns = {}
    for name, tensor in batch.items():
        values = tensor.numpy().reshape(len(tensor), -1)
        starts = np.arange(len(values) + 1) * values.shape[1]
        columns[name] = pa.LargeListArray.from_arrays(starts, pa.array(values.ravel()))
    return pa.record_batch(columns)
