"""The node: what stops, what warns, and what it leaves."""

import logging
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import tfx.components  # noqa: F401  TFDV needs its patches

import tensorflow_data_validation as tfdv  # isort: skip
from google.protobuf import text_format
from tensorflow_data_validation.statistics.stats_impl import generate_statistics_in_memory
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.types import artifact_utils, standard_artifacts

from components import release_lookup
from components.example_gen.component import QuarantineArtifact
from components.example_gen.records.quarantine import Summary
from components.example_validator import report
from components.example_validator.config import DriftConfig
from components.example_validator.executor import Executor
from components.example_validator.report import Report
from components.import_schema.component import CURATED, with_attributes
from schema import features
from schema.config.section import canonical_json
from schema.errors import InputError

CATEGORY = features.attribute("category")


def measured(folder: Path, category: bytes, kind: bytes = b"png", split: str = "train") -> Path:
    """Statistics of a hundred records."""
    columns: dict[str, list[Any]] = {
        features.IMAGE_KEY: [b"%d" % n for n in range(100)],
        features.IMAGE_FORMAT: [b"png"] * 99 + [kind],
        features.IMAGE_WIDTH: [64] * 100,
        features.IMAGE_HEIGHT: [64] * 100,
        features.IMAGE_BYTES: [640] * 100,
        features.CAPTIONS: [b"a cat"] * 100,
        features.CAPTION_WORDS: [2] * 100,
        features.WORDS: [b"cat"] * 100,
        CATEGORY: [b"Food"] * 50 + [category] * 50,
    }
    batch = pa.RecordBatch.from_pydict(
        {name: pa.array([[value] for value in values]) for name, values in columns.items()}
    )
    statistics = generate_statistics_in_memory(batch, tfdv.StatsOptions())
    file = folder / f"Split-{split}" / "FeatureStats.pb"
    file.parent.mkdir(parents=True)
    file.write_bytes(statistics.SerializeToString())
    return folder


class Node:
    """An ExampleValidator's executor and the artifacts around it."""

    def __init__(self, folder: Path):
        self.folder = folder
        schema = with_attributes(CURATED.read_text(), ["category"])
        (folder / "schema").mkdir()
        (folder / "schema" / "schema.pbtxt").write_text(text_format.MessageToString(schema))
        (folder / "anomalies").mkdir()
        (folder / "quarantine").mkdir()
        self.sums(Summary(read=100, examples={"train": 100}))

    def sums(self, summary: Summary) -> None:
        """Have ingest leave these."""
        (self.folder / "quarantine" / "summary.json").write_text(summary.model_dump_json())

    def run(self, action: str, now: Path, served: Path | None, release: int | None) -> Report:
        statistics = standard_artifacts.ExampleStatistics()
        statistics.uri, statistics.span = str(now), 0
        statistics.split_names = artifact_utils.encode_split_names(["train"])
        schema, anomalies = standard_artifacts.Schema(), standard_artifacts.ExampleAnomalies()
        schema.uri, anomalies.uri = str(self.folder / "schema"), str(self.folder / "anomalies")
        kept = QuarantineArtifact()
        kept.uri = str(self.folder / "quarantine")
        inputs = {"statistics": [statistics], "schema": [schema], "quarantine": [kept]}
        if served is not None:
            before = standard_artifacts.ExampleStatistics()
            before.uri = str(served)
            release_lookup.write_release(served / "served.json", release or release_lookup.NONE)
            inputs["served"] = [before]
        config = DriftConfig(action=action, minimum_count=100)  # type: ignore[arg-type]
        payload = {"drift": canonical_json(config), "max_quarantined": 0.01, "max_removed": 0.05}
        Executor().Do(inputs, {"anomalies": [anomalies]}, payload)
        assert anomalies.split_names == '["train"]'
        return report.read(self.folder / "anomalies")


@pytest.fixture
def node(tmp_path) -> Node:
    return Node(tmp_path)


def test_a_split_without_a_record_stops_before_anything_is_compared(node, tmp_path):
    node.sums(Summary(read=3, examples={"train": 0}, quarantined={"no_caption": 3}))
    with pytest.raises(InputError) as caught:
        node.run("off", measured(tmp_path / "now", b"Sport"), None, None)
    assert str(caught.value) == (
        "the split train has no usable record (3 of 3 records are quarantined: 3 no_caption)"
    )


DRIFTED = (
    "drift since release 3: attributes/category: the largest change of a share is 0.5, above 0.1 "
    "(Flags from 0.5 to 0, Sport from 0 to 0.5)"
)


def test_a_warning_is_logged_and_kept(node, tmp_path, caplog):
    now, served = measured(tmp_path / "now", b"Sport"), measured(tmp_path / "served", b"Flags")
    with caplog.at_level(logging.INFO, "diptych.progress"):
        found = node.run("warn", now, served, 3)
    assert found.compared_with == 3
    assert found.warnings == (DRIFTED,)
    assert found.notes == ()
    assert found.measured == {
        features.CAPTION_WORDS: 0,
        features.IMAGE_WIDTH: 0,
        features.IMAGE_HEIGHT: 0,
        CATEGORY: pytest.approx(0.5),
        features.WORDS: 0,
    }
    assert caplog.messages == [f"ExampleValidator: {DRIFTED}"]
    file = tmp_path / "anomalies" / "Split-train" / "SchemaDiff.pb"
    assert not anomalies_pb2.Anomalies.FromString(file.read_bytes()).anomaly_info


def test_data_that_cannot_be_ranked_stop_the_run(node, tmp_path):
    sick = Summary(read=101, examples={"eval": 1, "train": 100}, distinct_captions={"train": 1})
    (tmp_path / "quarantine" / "summary.json").write_text(sick.model_dump_json())
    with pytest.raises(InputError) as error:
        node.run("off", measured(tmp_path / "now", b"Sport"), None, None)
    assert str(error.value) == (
        "split eval has 1 record, which is always its own best match: give it more in data.splits; "
        "split train: all 100 records have the same caption, so that no image can find its own: "
        "see whether data.columns.captions names the right column"
    )


def test_told_to_stop_it_stops(node, tmp_path):
    now, served = measured(tmp_path / "now", b"Sport"), measured(tmp_path / "served", b"Flags")
    with pytest.raises(InputError) as error:
        node.run("stop", now, served, 3)
    assert str(error.value) == DRIFTED


def test_broken_rules_and_drift_are_one_sentence(node, tmp_path):
    now = measured(tmp_path / "now", b"Sport", kind=b"tiff")
    served = measured(tmp_path / "served", b"Flags")
    with pytest.raises(InputError) as error:
        node.run("stop", now, served, 3)
    assert str(error.value).startswith(
        "the data breaks the schema: split train: image/format: Examples contain values missing "
        "from the schema: tiff"
    )
    assert str(error.value).endswith(f"; {DRIFTED}")
    assert report.read(tmp_path / "anomalies").warnings == (DRIFTED,)
    with pytest.raises(InputError, match=r"the data breaks the schema: [^;]*$"):
        node.run("warn", now, served, 3)


@pytest.mark.parametrize(
    ("action", "given", "release"), [("off", True, 3), ("stop", True, None), ("stop", False, None)]
)
def test_nothing_to_compare_with_or_nobody_asks(node, tmp_path, action, given, release):
    now, served = measured(tmp_path / "now", b"Sport"), measured(tmp_path / "served", b"Flags")
    assert node.run(action, now, served if given else None, release) == Report()


def test_a_release_without_the_split_is_no_reason_to_stop(node, tmp_path):
    now = measured(tmp_path / "now", b"Sport")
    served = measured(tmp_path / "served", b"Flags", split="all")
    found = node.run("stop", now, served, 3)
    assert found.notes == (
        "drift since release 3: nothing was compared: that release has no statistics of the split "
        "train",
    )
    assert found.warnings == ()
