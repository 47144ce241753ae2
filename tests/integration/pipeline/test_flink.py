"""The stages that pass over all records, on a real Flink with two task slots and on this machine.

Flink runs inside Beam's job server, which this test starts; the first run has Maven fetch it.
"""

import glob
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import yaml

from components.evaluator.tfma import results
from pipeline.beam.arguments import beam_arguments
from pipeline.config.beam import FlinkBeam
from pipeline.config.beam_environment import ExternalConfig
from schema import features
from tests.support.flink.job_server import MissingError, find_jar, job_server
from tests.support.flink.probe import ask_workers
from tests.support.paths import ROOT
from tests.support.small_run import EVAL_RECORDS, TRAIN_RECORDS, small_values
from trainer.training.data import input_pipeline

PARALLELISM = 2
RECORDS = {"train": TRAIN_RECORDS, "eval": EVAL_RECORDS}

SECONDS = 600  # on two busy cores; two minutes on idle ones

Places = dict[str, dict[str, str]]  # URIs by node and output key


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """Of a job server with a Flink inside."""
    try:
        jar = find_jar()
    except MissingError as error:
        pytest.skip(f"no Flink: {error}")
    with job_server(jar, tmp_path_factory.mktemp("job-server")) as found:
        yield found


@pytest.fixture(scope="module")
def on_flink(address, small_run) -> Places:
    """What the stages left on Flink; the model is the local run's."""
    beam = {
        "runner": "flink",
        "job_endpoint": address,
        "parallelism": PARALLELISM,
        "environment": {"kind": "loopback"},
    }
    file, written = small_run.folder / "flink.yaml", small_run.folder / "flink.json"
    file.write_text(yaml.safe_dump({**small_values(), "workspace": "on-flink", "beam": beam}))
    [model] = small_run.outputs["Trainer"]["model"]
    command = [sys.executable, "-m", "tests.support.flink.program", file, written, model.uri]
    log = small_run.folder / "flink.log"
    with log.open("w") as to:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=to,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
        )
    assert done.returncode == 0, log.read_text()[-3000:]
    return json.loads(written.read_text())["places"]


@pytest.fixture(scope="module")
def here(small_run) -> Places:
    """What the same stages left on this machine."""
    return {
        node: {key: found[0].uri for key, found in by_key.items()}
        for node, by_key in small_run.outputs.items()
    }


def examples(places: Places, split: str) -> dict[bytes, Any]:
    """Features of every record, by name, by image key."""
    files = glob.glob(f"{places['ImageTextExampleGen']['examples']}/Split-{split}/*")
    raw = tf.data.TFRecordDataset(sorted(files), compression_type="GZIP")
    found = {}
    for record in raw.as_numpy_iterator():
        feature = dict(tf.train.Example.FromString(record).features.feature)
        [key] = feature[features.IMAGE_KEY].bytes_list.value
        found[key] = feature
    return found


@pytest.mark.parametrize("split", RECORDS)
def test_ingest_writes_the_same_records(on_flink, here, split):
    found = examples(on_flink, split)
    assert len(found) == RECORDS[split]
    assert found == examples(here, split)


def test_ingest_writes_the_same_bytes_whoever_did_the_work(on_flink, here):
    def shards(places: Places) -> dict[str, bytes]:
        folder = Path(places["ImageTextExampleGen"]["examples"])
        return {
            str(path.relative_to(folder)): path.read_bytes() for path in folder.glob("Split-*/*")
        }

    assert shards(on_flink) == shards(here)


def counts(places: Places, split: str) -> dict[str, Any]:
    """How often each feature stands in the data, by name; and how many records there are."""
    import tensorflow_data_validation as tfdv

    folder = places["StatisticsGen"]["statistics"]
    [found] = tfdv.load_stats_binary(f"{folder}/Split-{split}/FeatureStats.pb").datasets
    by_name: dict[str, Any] = {"": found.num_examples}
    for feature in found.features:
        kind = feature.string_stats if feature.HasField("string_stats") else feature.num_stats
        common = kind.common_stats
        by_name[feature.path.step[0]] = (
            common.num_non_missing,
            common.num_missing,
            common.tot_num_values,
            feature.string_stats.unique,
            [(each.value, each.frequency) for each in feature.string_stats.top_values],
            (feature.num_stats.min, feature.num_stats.max),
        )
    return by_name


@pytest.mark.parametrize("split", RECORDS)
def test_statistics_count_the_same(on_flink, here, split):
    found = counts(on_flink, split)
    assert found[""] == RECORDS[split]
    assert len(found) > 5
    assert found == counts(here, split)


def vocabulary(places: Places) -> list[str]:
    folder = tft.TFTransformOutput(places["Transform"]["transform_graph"]).transform_savedmodel_dir
    [file] = glob.glob(f"{folder}/assets/*")
    return Path(file).read_text().splitlines()


def test_the_vocabulary_is_the_same_piece_by_piece(on_flink, here):
    found = vocabulary(on_flink)
    assert len(found) > 100
    assert found == vocabulary(here)


def transformed(places: Places, split: str, config: Any) -> dict[int, dict[str, np.ndarray]]:
    """Records as the trainer reads them, by key id."""
    graph = tft.TFTransformOutput(places["Transform"]["transform_graph"])
    files = glob.glob(f"{places['Transform']['transformed_examples']}/Split-{split}/*")
    read = input_pipeline.examples(files, graph.transformed_feature_spec(), config.for_trainer())
    found = list(read.as_numpy_iterator())
    assert len(found) == RECORDS[split]
    return {int(record[features.KEY_ID]): record for record in found}


@pytest.mark.parametrize("split", RECORDS)
def test_transformed_records_are_the_same(on_flink, here, small_run, split):
    found = transformed(on_flink, split, small_run.config)
    local = transformed(here, split, small_run.config)
    assert len(found) == RECORDS[split]
    assert found.keys() == local.keys()
    for key, record in found.items():
        for name, value in record.items():
            np.testing.assert_array_equal(value, local[key][name], err_msg=name)


def test_the_same_model_has_the_same_metrics(on_flink, here):
    found = results.read(on_flink["Evaluator"]["evaluation"])[0]
    local = results.read(here["Evaluator"]["evaluation"])[0]
    assert found.keys() == local.keys()
    queries = sum(
        len(each[features.CAPTIONS].bytes_list.value) for each in examples(here, "eval").values()
    )
    assert EVAL_RECORDS < queries <= 2 * EVAL_RECORDS  # two each, unless they are the same
    assert found[()]["text_to_image_recall_at_10"].count == queries
    for key, measurements in found.items():
        assert measurements.keys() == local[key].keys()
        for name, measured in measurements.items():
            expected = local[key][name]
            assert measured.count == expected.count, (key, name)
            for part in ("value", "low", "high"):
                value = getattr(expected.candidate, part)
                # Batches are cut elsewhere, and a product may round differently.
                close = pytest.approx(value, abs=1e-6, nan_ok=True)
                assert getattr(measured.candidate, part) == close, (key, name, part)


@pytest.fixture
def pool(tmp_path) -> Iterator[str]:
    """Address of Beam's worker pool that starts workers of ours, as beside a task manager."""
    worker = tmp_path / "worker"
    worker.write_text(f'#!/bin/sh\nexec {sys.executable} -m pipeline.beam.worker "$@"\n')
    worker.chmod(worker.stat().st_mode | stat.S_IXUSR)
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    # A shell starts what runs in its background with SIGINT ignored, and the pool would as well.
    command = ["env", "--default-signal=INT", sys.executable]
    command += ["-m", "apache_beam.runners.worker.worker_pool_main"]
    command += [f"--service_port={port}", f"--container_executable={worker}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        until = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("localhost", port), 1).close()
                break
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.2)
        yield f"localhost:{port}"
        process.send_signal(signal.SIGINT)  # so that it stops its workers


def test_workers_of_a_pool_have_imported_what_they_need(address, pool, small_run, tmp_path):
    section = FlinkBeam(
        runner="flink",
        job_endpoint=address,
        parallelism=PARALLELISM,
        environment=ExternalConfig(kind="external", address=pool),
    )
    [graph] = small_run.outputs["Transform"]["transform_graph"]
    answers = ask_workers(beam_arguments(section), graph.uri, tmp_path)
    assert {answer for _, answer in answers} == {"works"}
    [process] = {process for process, _ in answers}  # the same for each stage of the job
    assert process != os.getpid()
