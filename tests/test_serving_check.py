"""ServingCheck: a healthy export passes everything, a broken one is caught by the right name."""

import ast
import concurrent.futures
import dataclasses
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.example_gen.merge import Record
from components.example_gen.record import to_example
from components.serving_check import (
    form,
    fresh_process,
    model_server,
    plan,
    program,
    records,
    report,
    values,
    warmup,
)
from components.serving_check.config import ServingCheckConfig
from components.serving_check.contract import SIGNATURES
from components.serving_check.examine import examine
from components.serving_check.fresh_process import Call, Seen
from components.serving_check.report import CheckReport
from schema import features, served
from tests import ingest_kit
from tests.conftest import read_shard
from trainer import export, pixels, probe
from trainer.model import DualEncoder
from trainer.text import caption_ids, fingerprint, normalise, split_words

HASTY = ServingCheckConfig(latency_calls=1)
NAMES = [
    *("probe", "fresh-process", "vocabulary", "variables", "loads", "signatures", "dtypes"),
    *("answers", "shapes", "finite", "unit-norm", "agreement", "channels", "towers-agree"),
    *("batch-independent", "warm-up", "latency", "tensorflow-serving"),
]


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


# A healthy export


@pytest.fixture(scope="module")
def blessing(small_run, tmp_path_factory):
    """The component on the small run's model, with a model server on the PATH."""
    from tfx.types import standard_artifacts

    from components.serving_check.component import ServingCheck

    folder = tmp_path_factory.mktemp("blessing")
    server = Path(__file__).with_name("model_server_program.py")
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
    told = json.loads(Path(blessing.uri, served.CHECK_REPORT).read_text())
    assert list(told) == ["passed", "checks", "latency_ms"]
    assert told["passed"] is True
    assert {tuple(check) for check in told["checks"]} == {("name", "passed", "sentence")}


def test_tfx_reads_the_blessing_as_its_own(blessing):
    assert blessing.get_int_custom_property("blessed") == 1
    assert [p.name for p in Path(blessing.uri).glob("INFRA_*")] == ["INFRA_BLESSED"]


def test_latency_of_one_text_and_one_image(blessing):
    measured = report.read(blessing.uri).latency_ms
    assert set(measured) == {served.EMBED_TEXT, served.EMBED_IMAGE}
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
    left = probe.read(f"{model.uri}/{served.PROBE}")
    [call] = [c for c in calls if (c.model, c.signature) == (served.JOINT, served.EMBED_IMAGE)]
    by_id = {
        int(fingerprint(r.key)): r.image
        for r in read_shard(str(small_run.folder / "data" / "eval-0.tar"))
    }
    assert call.inputs == {"image": [by_id[left[features.KEY_ID][0]]]}


# Broken exports


@dataclasses.dataclass
class Original:
    """The small run's export, and the means to write it again differently."""

    folder: Path
    files: list[str]
    run: Any  # tests.conftest.SmallRun

    def copy(self, where: Path) -> Path:
        shutil.copytree(self.folder, where)
        return where

    def export_again(self, where: Path) -> None:
        """The same weights in new networks, traced and written anew."""
        trained = self.run.served
        model = DualEncoder(self.run.config.for_trainer())
        model.image_tower.set_weights(trained.image_tower._network.get_weights())
        model.text_tower.set_weights(trained.text_tower._network.get_weights())
        where.mkdir()
        shutil.copy(self.folder / served.PROBE, where)
        again = export.Served(model, trained._transform, trained._raw_spec)
        export.export(again, str(where))

    def examine(self, folder: Path, config: ServingCheckConfig = HASTY) -> CheckReport:
        return examine(
            {name: str(folder / below) for name, below in served.FOLDERS.items()},
            probe.read(str(folder / served.PROBE)),
            self.files,
            config,
            normalize=True,
            folder=str(folder / "checked"),
        )


@pytest.fixture(scope="module")
def original(small_run) -> Original:
    [model] = small_run.outputs["Trainer"]["model"]
    [examples] = small_run.outputs["ImageTextExampleGen"]["examples"]
    files = sorted(str(p) for p in Path(examples.uri, "Split-eval").iterdir())
    return Original(Path(model.uri), files, small_run)


def flip_a_byte(file: Path, where: float) -> None:
    body = bytearray(file.read_bytes())
    body[int(where * len(body))] ^= 0x10
    file.write_bytes(body)


def data_file(folder: Path, model: str) -> Path:
    [file] = (folder / served.FOLDERS[model] / "variables").glob("*.data-*")
    return file


def break_vocabulary(original: Original, where: Path) -> None:
    original.copy(where)
    [file] = (where / served.FOLDERS[served.JOINT] / "assets").iterdir()
    file.unlink()


def rewrite_variables(folder: Path, change) -> None:
    """Write the variables of a SavedModel again, whole and with right checksums."""
    prefix = str(folder / "variables" / "variables")
    reader = tf.train.load_checkpoint(prefix)
    names = sorted(reader.get_variable_to_shape_map())
    tensors = [change(name, reader.get_tensor(name)) for name in names]
    tf.raw_ops.SaveV2(
        prefix=prefix, tensor_names=names, shape_and_slices=[""] * len(names), tensors=tensors
    )
    for file in folder.glob("variables/*.data-*"):
        assert file.stat().st_size > 1000


def break_weights(original: Original, where: Path) -> None:
    def change(name: str, value: Any) -> Any:
        if name.startswith("text_tower/") and "kernel" in name:
            value[3, 5] = np.nan
        return value

    original.copy(where)
    rewrite_variables(where / served.FOLDERS[served.JOINT], change)


def break_signature(original: Original, where: Path) -> None:
    """A name of the same length, so that lengths in the serialized graph stay true."""
    original.copy(where)
    file = where / served.FOLDERS[served.JOINT] / "saved_model.pb"
    file.write_bytes(file.read_bytes().replace(served.EMBED_IMAGE.encode(), b"embed_photo"))


def break_length(original: Original, where: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DualEncoder, "_finish", lambda _, embedding: embedding)
        original.export_again(where)


def break_channels(original: Original, where: Path) -> None:
    read = pixels.read
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pixels, "read", lambda *given: read(*given)[..., ::-1])
        original.export_again(where)


def break_variables(original: Original, where: Path) -> None:
    original.copy(where)
    flip_a_byte(data_file(where, served.TEXT_TOWER), 0.7)


def break_release(original: Original, where: Path) -> None:
    """The text tower is of another training: it works, but with other vectors."""

    def change(_: str, value: Any) -> Any:
        is_weight = isinstance(value, np.ndarray) and value.dtype == np.float32
        return value * 1.1 + np.float32(0.01) if is_weight else value

    original.copy(where)
    rewrite_variables(where / served.FOLDERS[served.TEXT_TOWER], change)


def cut_vocabulary(original: Original, where: Path) -> None:
    """The last half of the word pieces is lost in all three models; everything loads."""
    original.copy(where)
    for folder in served.FOLDERS.values():
        [file] = (where / folder / "assets").iterdir()
        lines = file.read_text().splitlines(keepends=True)
        file.write_text("".join(lines[: len(lines) // 2]))


BROKEN = {  # how, and the names of the checks that fail
    "missing vocabulary": (break_vocabulary, {"vocabulary", "loads"}),
    "NaN weights": (break_weights, {"finite"}),
    "wrong signature name": (break_signature, {"signatures"}),
    "unnormalised output": (break_length, {"unit-norm", "agreement"}),
    "swapped channels": (break_channels, {"channels", "agreement"}),
    "corrupted variables": (break_variables, {"variables", "loads"}),
    "tower of another run": (break_release, {"towers-agree", "agreement"}),
    "cut vocabulary": (cut_vocabulary, {"agreement"}),
}
SENTENCES = {
    "missing vocabulary": "joint/assets/vocabulary is missing",
    "NaN weights": "_kernel of joint holds NaN or infinity",
    "wrong signature name": "joint lacks the signature embed_image",
    "unnormalised output": "off the length 1 by",
    "swapped channels": "red and blue are exchanged",
    "corrupted variables": "the variables of text_tower cannot be read",
    "tower of another run": "text_tower differs from the joint model's by",
    "cut vocabulary": "embedding of joint.embed_text differs from the trainer's by",
}


@pytest.fixture(scope="module")
def verdicts(original, tmp_path_factory) -> dict[str, CheckReport]:
    base = tmp_path_factory.mktemp("broken")
    folders = {name: base / str(i) for i, name in enumerate(BROKEN)}
    for name, (spoil, _) in BROKEN.items():
        spoil(original, folders[name])
    # Each in a fresh process as ever, two at a time: most of it is importing TensorFlow.
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        return dict(zip(BROKEN, threads.map(original.examine, folders.values()), strict=True))


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_export_is_caught_by_name(verdicts, name):
    _, expected = BROKEN[name]
    failed = {check.name: check.sentence for check in verdicts[name].failed()}
    assert not verdicts[name].passed
    assert set(failed) == expected
    assert SENTENCES[name] in " ".join(failed.values())
    assert not any("\n" in sentence or "Traceback" in sentence for sentence in failed.values())


def test_what_follows_a_broken_stage_is_not_looked_at(verdicts):
    names = [check.name for check in verdicts["wrong signature name"].checks]
    assert names == NAMES[: NAMES.index("signatures") + 1]
    assert verdicts["wrong signature name"].latency_ms == {}


def test_a_flipped_byte_anywhere_in_the_variables_is_found(original, tmp_path):
    folder = original.copy(tmp_path / "copy") / served.FOLDERS[served.TEXT_TOWER]
    file = data_file(tmp_path / "copy", served.TEXT_TOWER)
    body = file.read_bytes()
    assert program.inspect("text_tower", str(folder))["variables"] is None
    for where in np.linspace(0, 1, 60, endpoint=False):
        flip_a_byte(file, where)
        assert "hecksum" in program.inspect("text_tower", str(folder))["variables"]
        file.write_bytes(body)
    file.write_bytes(body[:-1000])
    assert program.inspect("text_tower", str(folder))["variables"] is not None


# The process


def test_the_program_imports_nothing_of_ours():
    source = ast.parse(Path(program.__file__).read_text())
    imported = set()
    for node in ast.walk(source):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").split(".")[0])
    assert imported - set(sys.stdlib_module_names) == {"numpy", "tensorflow", "tensorflow_text"}


@pytest.mark.parametrize(
    ("text", "timeout_s", "sentence"),
    [
        ("import time\ntime.sleep(60)", 0.5, "the process did not finish in 0.5 s; killed"),
        ("import os\nos.kill(os.getpid(), 9)", 60, "the process was ended by signal SIGKILL"),
        ("raise SystemExit(3)", 60, "the process ended with status 3"),
        ("1 / 0", 60, "the process ended with status 1"),
    ],
)
def test_a_process_that_dies_is_a_failed_check(
    original, tmp_path, monkeypatch, text, timeout_s, sentence
):
    dying = tmp_path / "program.py"
    dying.write_text(f"print('loading joint', flush=True)\n{text}\n")
    monkeypatch.setattr(fresh_process, "PROGRAM", dying)
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(original.folder / served.PROBE, copy)
    config = HASTY.model_copy(update={"timeout_s": timeout_s})
    [check] = original.examine(copy, config).failed()
    assert check.name == "fresh-process"
    assert check.sentence == f"{sentence} while loading joint"


def test_strings_travel_to_the_program_as_they_are(tmp_path):
    given = [b"", b"\x00\x00", b"a\x00", "日本".encode(), bytes(range(256)), b""]
    call = Call("m", "s", {"x": given})
    fresh_process._write_request(tmp_path, {}, {"c": call}, {}, 1)
    pool = program.read_pool(str(tmp_path / "pool.npz"))
    told = json.loads((tmp_path / "request.json").read_text())["calls"]["c"]
    assert [pool[i] for i in told["inputs"]["x"]] == given
    assert len(pool) == 5  # the empty string is there once


# The probed records


@pytest.fixture
def raw() -> list[Record]:
    captions = [("One", "two  2"), ("ONE",), ("three", "\u200b", "four"), ("five",)]
    return [ingest_kit.record(f"k{i}", captions=said) for i, said in enumerate(captions)]


def write_raw(path: Path, given: list[Record]) -> str:
    png = tf.io.encode_png(np.zeros((2, 2, 3), np.uint8)).numpy()
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for record in given:
            writer.write(to_example(record, png, []).SerializeToString())
    return str(path)


def probe_of(given: list[Record]) -> dict[str, np.ndarray]:
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
    }


def test_records_are_found_in_any_order(raw, tmp_path):
    files = [write_raw(tmp_path / "b.gz", raw[2:][::-1]), write_raw(tmp_path / "a.gz", raw[:2])]
    found = records.find(probe_of([raw[3], raw[0]]), files)
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
    assert records.find(probe_of(raw[:3]), files).texts == [b"ONE"]
    lost = examine({}, probe_of(raw[:3]), files, HASTY, True, str(tmp_path))
    assert [check.sentence for check in lost.failed()] == [
        "only 1 of the 3 records the trainer embedded are among the examples"
    ]


def test_a_model_without_a_probe_does_not_pass(tmp_path):
    found = examine({}, None, [], HASTY, True, str(tmp_path))
    assert not found.passed
    assert [check.name for check in found.checks] == ["probe"]


# Judging


def seen(**answers) -> Seen:
    whole: dict[str, Any] = {
        "assets": {"vocabulary": 9},
        "variables": None,
        "load": None,
        "not_finite": [],
    }
    arrays = {key: {"embedding": np.asarray(v, np.float32)} for key, v in answers.items()}
    return Seen([], {"joint": whole}, {}, {}, arrays)


def test_a_single_weight_that_is_no_number_is_named():
    found = seen(a=[[1, 0]])
    assert form.finite(found).passed
    found.models["joint"]["not_finite"].append("text_tower/row")
    assert not form.finite(found).passed
    assert form.finite(found).sentence == (
        "the variable text_tower/row of joint holds NaN or infinity"
    )
    assert not form.finite(seen(a=[[np.inf, 0]])).passed


def test_differences_are_relative_only_above_1():
    ones, tens = np.ones((2, 3)), np.full((2, 3), 10.0)
    assert values._difference(ones + 0.25, ones) == pytest.approx(0.25)
    assert values._difference(0.1 * ones + 0.25, 0.1 * ones) == pytest.approx(0.25)
    assert values._difference(tens + 0.25, tens) == pytest.approx(0.025)  # 0.25 / 10
    assert values._difference(ones[:1], ones) == np.inf


@pytest.mark.parametrize(("limit", "passed"), [(None, True), (1.0, False), (100.0, True)])
def test_latency_has_a_limit_only_by_config(limit, passed):
    # 1 to 100: numpy's 99th percentile lies at 0.99 of 99 steps above 1, 99.01.
    timed = dataclasses.replace(seen(), milliseconds={"embed_text": list(range(1, 101))})
    measured = values.percentiles(timed)
    assert measured["embed_text"].p50 == pytest.approx(50.5)
    assert measured["embed_text"].p99 == pytest.approx(99.01)
    check = values.latency(measured, ServingCheckConfig(text_p99_ms=limit, image_p99_ms=1.0))
    assert check.passed == passed


def test_a_report_cannot_claim_more_than_its_checks():
    with pytest.raises(ValueError, match="passed must say"):
        CheckReport(passed=True, checks=(), latency_ms={})
    assert not report.conclude([], {}).passed


# The model server


STATUS = """#!{python}
import http.server, sys
port = int(sys.argv[2].split("=")[1])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{body}')
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""
BAD = (
    b'{"model_version_status": [{"version": "1", "state": "END", "status": '
    b'{"error_code": "UNKNOWN", "error_message": "no vocabulary"}}]}'
)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("#!/bin/sh\necho unknown flag\nexit 3\n", "ended with status 3 and said 'unknown flag'"),
        ("#!/no/such/shell\n", "cannot be started"),
        (
            STATUS.format(python=sys.executable, body=BAD.decode()),
            "does not load joint: no vocabulary",
        ),
        (STATUS.format(python=sys.executable, body="{}"), "did not load joint in time"),
    ],
    ids=["ends", "cannot-start", "refuses-the-model", "never-ready"],
)
def test_a_server_that_does_not_serve_is_told_in_one_sentence(
    original, blessing, tmp_path, text, sentence
):
    binary = executable(tmp_path / "bin" / model_server.BINARY, text)
    models = {name: str(original.folder / below) for name, below in served.FOLDERS.items()}
    with pytest.raises(model_server.ServerError, match=sentence):
        model_server.ask(str(binary), models, blessing.uri, {}, timeout_s=2)


def test_answers_of_the_server_are_compared():
    mine = seen(one=[[1.0, 0.0]])
    same = {"one": {"embedding": np.array([[1.0, 1e-6]], np.float32)}}
    other = {"one": {"embedding": np.array([[0.0, 1.0]], np.float32)}}
    assert values.served_alike(same, mine, HASTY).passed
    check = values.served_alike(other, mine, HASTY)
    assert (check.name, check.passed) == ("tensorflow-serving", False)
    assert check.sentence.startswith("embedding of one differs from the fresh process's by 1")


def test_every_signature_is_among_the_singles_the_server_is_asked(original):
    left = probe.read(str(original.folder / served.PROBE))
    calls = plan.single_calls(records.find(left, original.files)).values()
    assert {(call.model, call.signature) for call in calls} == {
        (model, name) for model, signatures in SIGNATURES.items() for name in signatures
    }
