"""Write transformed records in gzip files that are not compressed.

TFX's executor compresses every record in Python. Pixels are a PNG or a JPEG already, so that costs
more than the transform itself and saves nothing. Every reader of records expects gzip, so the files
remain gzip, of stored blocks.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import apache_beam as beam
import pyarrow as pa
import tensorflow as tf
import tfx_bsl
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx.components.transform import executor as tfx_executor

OPTIONS = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=0)
SUFFIX = ".gz"
# The graph is loaded twice, and optimising it takes a second each time and saves nothing: its time
# is that of decoders.
_NO_OPTIMIZER = "disable_meta_optimizer"
# Graphs are many small objects, and Python would look through all objects of TensorFlow, TFX and
# Beam, half a second, a dozen times while it makes them.
_OBJECTS_BETWEEN_COLLECTIONS = 50_000
Batch = tuple[pa.RecordBatch, dict[str, Any]]  # of records, and TFX's pass-through features


class Executor(tfx_executor.Executor):
    """TFX's executor, but for how it writes records and what it spends on a small data set."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Run TFX's Transform with our processor."""
        with _settings():
            super().Do(input_dict, output_dict, exec_properties)


@contextmanager
def _settings() -> Iterator[None]:
    """Set what TFX, TensorFlow and Python have for the whole process, and put it back."""
    # TFX creates the processor by this name of its module; there is no way to pass another one.
    theirs = tfx_executor.TransformProcessor
    unoptimized = tf.config.optimizer.get_experimental_options().get(_NO_OPTIMIZER, False)
    thresholds = gc.get_threshold()
    tfx_executor.TransformProcessor = _Processor
    tf.config.optimizer.set_experimental_options({_NO_OPTIMIZER: True})
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, *thresholds[1:])
    try:
        yield
    finally:
        tfx_executor.TransformProcessor = theirs
        tf.config.optimizer.set_experimental_options({_NO_OPTIMIZER: unoptimized})
        gc.set_threshold(*thresholds)


class _Processor(tfx_executor.TransformProcessor):
    class _OptimizeRun(tfx_executor.TransformProcessor._OptimizeRun):
        """Analyse all data, as if the cache of analyzers were off.

        Ours, of the vocabulary, cannot use it. TFX would trace the graph twice to see that.
        """

        def expand(self, pipeline: beam.Pipeline) -> tuple[dict[Any, Any], None, int]:
            # Beam takes a transform without a part for one of its own.
            _ = pipeline | beam.Create([None])
            return {data.dataset_key: data for data in self._analyze_data_list}, None, 0

    @staticmethod
    def _EncodeAndWrite(
        schema: schema_pb2.Schema, file_format: str, output_path: str
    ) -> beam.PTransform:
        assert file_format == tfx_executor.labels.FORMAT_TFRECORD
        return EncodeAndWrite(schema, output_path)


class EncodeAndWrite(beam.PTransform):
    """Write batches of records as tf.train.Examples.

    Args:
        schema: of the records.
        output_path: beginning of the names of the files.
    """

    def __init__(self, schema: schema_pb2.Schema, output_path: str):
        super().__init__()
        self._schema, self._output_path = schema, output_path

    def expand(self, batches: beam.PCollection) -> Any:
        return (
            batches
            | "Encode" >> beam.ParDo(_Encode(self._schema))
            | "Write" >> beam.io.Write(_Sink(self._output_path))
        )


@beam.typehints.with_output_types(list[bytes])
class _Encode(beam.DoFn):
    def __init__(self, schema: schema_pb2.Schema):
        self._schema = schema

    def setup(self) -> None:
        self._coder = tfx_bsl.coders.example_coder.RecordBatchToExamplesEncoder(self._schema)

    def process(self, batch: Batch) -> Any:
        yield self._coder.encode(batch[0])


class _Sink(beam.io.filebasedsink.FileBasedSink):
    """Writes lists of serialized records, as elements are slow in Beam."""

    def __init__(self, output_path: str):
        super().__init__(
            output_path,
            coder=beam.coders.BytesCoder(),
            file_name_suffix=SUFFIX,
            mime_type="application/octet-stream",
        )

    def open(self, temp_path: str) -> tf.io.TFRecordWriter:
        return tf.io.TFRecordWriter(temp_path, OPTIONS)

    def write_record(self, file_handle: tf.io.TFRecordWriter, value: list[bytes]) -> None:
        for record in value:
            file_handle.write(record)
