"""What ServingCheck asks of a model, and how it judges the answers; no model is run."""

import ast
import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components.example_gen.images.originals import Original
from components.example_gen.ingest.shards import to_example
from components.example_gen.records.merge import Record
from components.serving_check import (
    calls,
    image_checks,
    numerical_checks,
    report,
    structural_checks,
)
from components.serving_check.check import check_export
from components.serving_check.clients import client_program, isolated_client
from components.serving_check.config import ServingCheckConfig
from components.serving_check.contract import Call
from components.serving_check.inputs import golden_records
from components.serving_check.inputs.odd_images import OddImage, odd_images
from components.serving_check.report import CheckReport
from schema import features
from tests.support import ingest
from tests.support.serving_check import HASTY, observed
from trainer.config.transform import ImageConfig
from trainer.export.golden_outputs import PRECISION
from trainer.preprocessing import images
from trainer.preprocessing.captions import caption_ids, fingerprint, normalise, split_words
from trainer.preprocessing.image_files.image_formats import decode


def test_the_program_imports_nothing_of_ours():
    source = ast.parse(Path(client_program.__file__).read_text())
    imported = set()
    for node in ast.walk(source):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").split(".")[0])
    assert imported - set(sys.stdlib_module_names) == {"numpy", "tensorflow", "tensorflow_text"}


def test_strings_travel_to_the_program_as_they_are(tmp_path):
    given = [b"", b"\x00\x00", b"a\x00", "日本".encode(), bytes(range(256)), b""]
    call = Call("m", "s", {"x": given})
    isolated_client._write_request(tmp_path, {}, {"c": call}, {}, 1)
    pool = client_program.read_pool(str(tmp_path / "pool.npz"))
    content = json.loads((tmp_path / "request.json").read_text())["calls"]["c"]
    assert [pool[i] for i in content["inputs"]["x"]] == given
    assert len(pool) == 5  # the empty string is there once


@pytest.fixture
def raw() -> list[Record]:
    captions = [("One", "two  2"), ("ONE",), ("three", "\u200b", "four"), ("five",)]
    return [ingest.record(f"k{i}", captions=said) for i, said in enumerate(captions)]


def write_raw(path: Path, given: list[Record]) -> str:
    png = tf.io.encode_png(np.zeros((2, 2, 3), np.uint8)).numpy()
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for record in given:
            writer.write(to_example(record, png, []).SerializeToString())
    return str(path)


def golden_outputs_of(given: list[Record]) -> dict[str, np.ndarray]:
    """Record i embeds its image as [i, 0] and its caption j as [i, j]."""
    ids = np.zeros((len(given), 3), np.int64)
    table = np.zeros((len(given), 3, 2), np.float32)
    for i, record in enumerate(given):
        n = len(record.captions)
        words = split_words(normalise(tf.constant(list(record.captions))))
        ids[i, :n] = caption_ids(words)
        table[i, :n] = [[i, j] for j in range(n)]
    return {
        features.KEY_ID: fingerprint(tf.constant([r.key for r in given])).numpy(),
        features.IMAGE_EMBEDDING: np.array([[i, 0] for i in range(len(given))], np.float32),
        features.CAPTION_IDS: ids,
        features.TEXT_EMBEDDINGS: table,
        PRECISION: np.array("float32"),
    }


def test_records_are_found_in_any_order(raw, tmp_path):
    files = [write_raw(tmp_path / "b.gz", raw[2:][::-1]), write_raw(tmp_path / "a.gz", raw[:2])]
    found = golden_records.find_records(golden_outputs_of([raw[3], raw[0]]), files)
    assert found.texts == [b"five", b"One", b"two  2"]
    assert found.image_embeddings.tolist() == [[0, 0], [1, 0]]
    assert found.text_embeddings.tolist() == [[0, 0], [1, 0], [1, 1]]
    assert found.present.tolist() == [[True, False, False], [True, True, False]]
    assert tf.train.Example.FromString(found.examples[1]).features.feature[
        features.IMAGE_KEY
    ].bytes_list.value == [b"k0"]


def test_a_record_that_changed_or_is_gone_is_not_found(raw, tmp_path):
    changed = [dataclasses.replace(raw[0], captions=("One", "two 3")), raw[1]]
    files = [write_raw(tmp_path / "a.gz", changed)]
    assert golden_records.find_records(golden_outputs_of(raw[:3]), files).texts == [b"ONE"]
    lost = check_export({}, golden_outputs_of(raw[:3]), files, HASTY, True, str(tmp_path))
    assert [check.sentence for check in lost.failed()] == [
        "only 1 of the 3 records the trainer embedded are among the examples"
    ]


def test_a_model_without_golden_outputs_does_not_pass(tmp_path):
    found = check_export({}, None, [], HASTY, True, str(tmp_path))
    assert not found.passed
    assert [check.name for check in found.checks] == ["golden-outputs"]


def test_a_single_weight_that_is_no_number_is_named():
    found = observed(a=[[1, 0]])
    assert structural_checks.finite(found).passed
    found.models["joint"]["not_finite"].append("text_tower/row")
    assert not structural_checks.finite(found).passed
    assert structural_checks.finite(found).sentence == (
        "the variable text_tower/row of joint holds NaN or infinity"
    )
    assert not structural_checks.finite(observed(a=[[np.inf, 0]])).passed


def test_differences_are_relative_only_above_1():
    ones, tens = np.ones((2, 3)), np.full((2, 3), 10.0)
    assert numerical_checks.difference(ones + 0.25, ones) == pytest.approx(0.25)
    assert numerical_checks.difference(0.1 * ones + 0.25, 0.1 * ones) == pytest.approx(0.25)
    assert numerical_checks.difference(tens + 0.25, tens) == pytest.approx(0.025)  # 0.25 / 10
    assert numerical_checks.difference(ones[:1], ones) == np.inf


@pytest.mark.parametrize(("limit", "passed"), [(None, True), (1.0, False), (100.0, True)])
def test_latency_has_a_limit_only_by_config(limit, passed):
    # 1 to 100: numpy's 99th percentile lies at 0.99 of 99 steps above 1, 99.01.
    timed = dataclasses.replace(observed(), milliseconds={"embed_text": list(range(1, 101))})
    measured = numerical_checks.percentiles(timed)
    assert measured["embed_text"].p50 == pytest.approx(50.5)
    assert measured["embed_text"].p99 == pytest.approx(99.01)
    check = numerical_checks.latency(
        measured, ServingCheckConfig(text_p99_ms=limit, image_p99_ms=1.0)
    )
    assert check.passed == passed


def test_a_report_cannot_claim_more_than_its_checks():
    with pytest.raises(ValueError, match="passed must say"):
        CheckReport(passed=True, checks=(), latency_ms={})
    assert not report.conclude([], {}).passed


def test_answers_of_the_server_are_compared():
    mine = observed(one=[[1.0, 0.0]])
    same = {"one": {"embedding": np.array([[1.0, 1e-6]], np.float32)}}
    other = {"one": {"embedding": np.array([[0.0, 1.0]], np.float32)}}
    assert numerical_checks.served_alike(same, mine, HASTY).passed
    check = numerical_checks.served_alike(other, mine, HASTY)
    assert (check.name, check.passed) == ("tensorflow-serving", False)
    assert check.sentence.startswith("embedding of one differs from the fresh process's by 1")


def odd_seen(**changed) -> isolated_client.Observed:
    """Answers to images as received and what is stored of them, to odd ones and to damaged ones."""
    rows = np.eye(4, dtype=np.float32)
    answers = {
        calls.ODD: {"embedding": rows[:2]},
        calls.PLAIN: {"embedding": rows[:2]},
        calls.ORIGINAL: {"embedding": rows[:3], "valid": np.array([True, True, True])},
        calls.STORED: {"embedding": rows[:3], "valid": np.array([True, True, True])},
    }
    return isolated_client.Observed([], {}, {}, {}, {**answers, **changed})


ODD = [OddImage("turned JPEG", b"", b""), OddImage("grey PNG", b"", b"")]
ORIGINALS = [Original("0", "first_frame", b"", b""), Original("1", "shrunk", b"", b""),
             Original("2", "tiff", b"", b"")]  # fmt: skip


def test_an_odd_image_that_is_embedded_differently_is_named():
    assert image_checks.odd_images(odd_seen(), ODD, HASTY).passed
    off = {"embedding": np.eye(2, 4, dtype=np.float32) + np.array([[0.001], [0]], np.float32)}
    check = image_checks.odd_images(odd_seen(**{calls.ODD: off}), ODD, HASTY)
    assert check.name == "odd-images"
    assert check.sentence == (
        "turned JPEG: the embedding differs from that of the same image as a plain PNG by 0.001, "
        "over 1e-05"
    )


@pytest.mark.parametrize(
    ("embedding", "valid", "faults"),
    [
        ([[1, 0], [0, 1], [9, 9]], [True, True, False], ""),  # the TIFF is marked
        ([[1, 0], [0.3, 0.95], [1, 1]], [True, True, True], ""),  # cosine 0.95 of what was shrunk
        ([[1, 0], [0.6, 0.8], [1, 1]], [True, True, True], "shrunk"),
        ([[0.999, 0], [0, 1], [1, 1]], [True, True, True], "first_frame"),
    ],
)
def test_an_image_as_received_is_embedded_like_what_is_stored_or_marked(embedding, valid, faults):
    stored = np.array([[1, 0], [0, 1], [1, 1]], np.float32)
    seen = odd_seen(**{
        calls.ORIGINAL: {"embedding": np.array(embedding, np.float32), "valid": np.array(valid)},
        calls.STORED: {"embedding": stored, "valid": np.ones(3, bool)},
    })  # fmt: skip
    check = image_checks.as_received(seen, ORIGINALS, HASTY)
    assert check.passed == (not faults)
    assert faults in check.sentence


def test_every_odd_image_is_another_file_of_the_same_picture():
    odd = odd_images()
    assert len({each.kind for each in odd}) == len(odd) == 42
    assert len({each.image for each in odd} | {each.plain for each in odd}) > 50
    for each in odd:
        shown = decode(each.image).numpy()
        np.testing.assert_array_equal(np.round(shown), decode(each.plain).numpy(), each.kind)


@pytest.mark.parametrize(("size", "fit"), [(48, "pad"), (32, "crop")])
def test_an_odd_image_that_is_stored_as_it_is_shows_what_its_plain_one_encoded_anew_does(size, fit):
    config = ImageConfig(size=size, fit=fit, encoding="jpeg")  # the size that the images have
    for each in odd_images():
        shown, plain = (images.transform_and_read(x, config) for x in (each.image, each.plain))
        np.testing.assert_array_equal(shown, plain, each.kind)
