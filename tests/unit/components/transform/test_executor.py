import gc
import gzip
import types
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.transform import executor as tfx_executor

from components.transform import executor

SPEC = {"id": tf.io.FixedLenFeature([], tf.int64), "image": tf.io.FixedLenFeature([], tf.string)}
IMAGE = b"compressible " * 1000


def test_records_come_back_from_gzip_files_that_are_not_compressed(tmp_path: Path) -> None:
    schema = tft.DatasetMetadata.from_feature_spec(SPEC).schema
    batches: list[executor.Batch] = [
        (
            pa.record_batch(
                [
                    pa.array([[n] for n in numbers], pa.large_list(pa.int64())),
                    pa.array([[IMAGE]] * len(numbers), pa.large_list(pa.large_binary())),
                ],
                ["id", "image"],
            ),
            {},
        )
        for numbers in ([0, 1, 2], [3], [4, 5])
    ]
    with beam.Pipeline() as pipeline:
        created = pipeline | beam.Create(batches)
        created | executor.EncodeAndWrite(schema, str(tmp_path / "records"))
    files = sorted(map(str, tmp_path.glob("records-*.gz")))
    read = tf.data.TFRecordDataset(files, "GZIP").map(lambda one: tf.io.parse_example(one, SPEC))
    ids = [int(record["id"]) for record in read if record["image"] == IMAGE]
    assert sorted(ids) == list(range(6))
    assert sum(Path(file).stat().st_size for file in files) > 6 * len(IMAGE)
    assert all(gzip.decompress(Path(file).read_bytes()) for file in files)


def test_an_empty_split_is_an_empty_file(tmp_path: Path) -> None:
    schema = tft.DatasetMetadata.from_feature_spec(SPEC).schema
    with beam.Pipeline() as pipeline:
        pipeline | beam.Create([]) | executor.EncodeAndWrite(schema, str(tmp_path / "records"))
    [file] = map(str, tmp_path.glob("records-*.gz"))
    assert not list(tf.data.TFRecordDataset(file, "GZIP"))


def test_tfx_runs_with_this_processor_and_gets_its_own_back(monkeypatch) -> None:
    theirs, used, thresholds = tfx_executor.TransformProcessor, [], gc.get_threshold()
    monkeypatch.setattr(
        tfx_executor.Executor,
        "Do",
        lambda *_: used.append(tfx_executor.TransformProcessor._EncodeAndWrite),
    )
    executor.Executor(None).Do({}, {}, {})
    assert used == [executor._Processor._EncodeAndWrite]
    assert tfx_executor.TransformProcessor is theirs
    assert gc.get_threshold() == thresholds
    assert not tf.config.optimizer.get_experimental_options().get(executor._NO_OPTIMIZER)
    assert callable(theirs._EncodeAndWrite)  # TFX still has the name


def test_the_data_are_analysed_without_a_cache_and_without_tracing_for_it() -> None:
    data = [types.SimpleNamespace(dataset_key=name) for name in ("a", "b")]
    with beam.Pipeline() as pipeline:
        optimize = executor._Processor._OptimizeRun(
            "in", "out", data, {}, None, None, False, True, False
        )
        assert pipeline | optimize == ({"a": data[0], "b": data[1]}, None, 0)
