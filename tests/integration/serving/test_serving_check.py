"""ServingCheck: a healthy export passes everything; a model server that does not serve is told."""

import json
import sys
from pathlib import Path

import pytest

from components.serving_check import calls as plan
from components.serving_check import report, warmup
from components.serving_check.clients import model_server
from components.serving_check.config import ServingCheckConfig
from components.serving_check.contract import SIGNATURES
from components.serving_check.inputs import golden_records
from schema import features, serving_names
from tests.support.paths import ROOT
from tests.support.serving_check import NAMES, Original, executable
from tests.support.small_run import read_shard
from trainer.export import golden_outputs
from trainer.preprocessing.captions import fingerprint


@pytest.fixture(scope="module")
def blessing(small_run, tmp_path_factory):
    """The component on the small run's model, with a model server on the PATH."""
    from tfx.types import standard_artifacts

    from components.serving_check.component import ServingCheck

    folder = tmp_path_factory.mktemp("blessing")
    server = ROOT / "tests" / "support" / "programs" / "model_server.py"
    executable(
        folder / "bin" / model_server.BINARY, f'#!/bin/sh\nexec {sys.executable} {server} "$@"\n'
    )
    artifact = standard_artifacts.InfraBlessing()
    artifact.uri = str(folder / "out")
    (folder / "out").mkdir()
    node = ServingCheck(
        model=channel(small_run, "Trainer", "model"),
        examples=channel(small_run, "ImageTextExampleGen", "examples"),
        split="eval",
        config=ServingCheckConfig(latency_calls=100).model_dump_json(),
        normalize=1,
    )
    assert node.id == "ServingCheck"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(folder / "bin"), prepend=":")
        node.executor_spec.executor_class().Do(
            {
                "model": small_run.outputs["Trainer"]["model"],
                "examples": small_run.outputs["ImageTextExampleGen"]["examples"],
            },
            {"blessing": [artifact]},
            dict(node.exec_properties),
        )
    return artifact


def channel(small_run, node: str, key: str):
    from tfx.types import channel_utils

    return channel_utils.as_channel(small_run.outputs[node][key])


def test_a_healthy_export_passes_every_check(blessing):
    found = report.read(blessing.uri)
    assert [check.sentence for check in found.failed()] == []
    assert found.passed
    assert [check.name for check in found.checks] == NAMES


def test_the_report_is_the_json_that_others_read(blessing):
    content = json.loads(Path(blessing.uri, serving_names.CHECK_REPORT).read_text())
    assert list(content) == ["passed", "checks", "latency_ms"]
    assert content["passed"] is True
    assert {tuple(check) for check in content["checks"]} == {("name", "passed", "sentence")}


def test_tfx_reads_the_blessing_as_its_own(blessing):
    assert blessing.get_int_custom_property("blessed") == 1
    assert [p.name for p in Path(blessing.uri).glob("INFRA_*")] == ["INFRA_BLESSED"]


def test_latency_of_one_text_and_one_image(blessing):
    measured = report.read(blessing.uri).latency_ms
    assert set(measured) == {serving_names.EMBED_TEXT, serving_names.EMBED_IMAGE}
    for one in measured.values():
        assert 0 < one.p50 <= one.p99


def test_the_warm_up_requests_are_served_by_the_export(blessing, small_run):
    calls = warmup.read(blessing.uri, list(SIGNATURES))
    assert [(call.model, call.signature) for call in calls] == [
        (model, name) for model, signatures in SIGNATURES.items() for name in signatures
    ]
    for model in SIGNATURES:
        lies = Path(blessing.uri, "warmup", model, "tf_serving_warmup_requests")
        assert warmup.path(blessing.uri, model) == lies
    [model] = small_run.outputs["Trainer"]["model"]
    left = golden_outputs.read(f"{model.uri}/{serving_names.GOLDEN_OUTPUTS}")
    [call] = [
        c
        for c in calls
        if (c.model, c.signature) == (serving_names.JOINT, serving_names.EMBED_IMAGE)
    ]
    by_id = {
        int(fingerprint(r.key)): r.image
        for r in read_shard(str(small_run.folder / "data" / "eval-0.tar"))
    }
    assert call.inputs == {"image": [by_id[left[features.KEY_ID][0]]]}


@pytest.fixture(scope="module")
def original(small_run) -> Original:
    return Original.of(small_run)


def test_every_signature_is_among_the_singles_the_server_is_asked(original):
    left = golden_outputs.read(str(original.folder / serving_names.GOLDEN_OUTPUTS))
    calls = plan.single_calls(golden_records.find_records(left, original.files)).values()
    assert {(call.model, call.signature) for call in calls} == {
        (model, name) for model, signatures in SIGNATURES.items() for name in signatures
    }
