"""The small run's towers as ONNX and LiteRT files: measured, checked, and used in plain code."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components.serving_check import portable_checks
from components.serving_check.config import ServingCheckConfig
from components.serving_check.inputs import golden_records
from components.tower_converter import report as portable_report
from components.tower_converter.config import PortableConfig
from components.tower_converter.report import NotConverted, PortableReport
from schema import features, serving_names
from tests.support.paths import ROOT
from tests.support.serving_check import Original
from tests.support.small_run import read_shard
from trainer.export import golden_outputs
from trainer.preprocessing import images

LIMITS = PortableConfig(sample=80, int8_recall_loss=0.1)  # of 80 images, a few may be lost


@pytest.fixture(scope="module")
def folder(small_run, tmp_path_factory) -> Path:
    """The component's output."""
    from tfx.types import channel_utils

    from components.tower_converter.component import PortableTowersArtifact, TowerConverter

    inputs = {
        "model": small_run.outputs["Trainer"]["model"],
        "examples": small_run.outputs["Transform"]["transformed_examples"],
    }
    node = TowerConverter(
        **{name: channel_utils.as_channel(given) for name, given in inputs.items()},
        split="eval",
        config=LIMITS.model_dump_json(),
        prepared=small_run.config.for_transform().model_dump_json(),
        plugins="{}",
    )
    assert node.id == "TowerConverter"
    artifact = PortableTowersArtifact()
    artifact.uri = str(tmp_path_factory.mktemp("portable"))
    node.executor_spec.executor_class().Do(
        inputs, {"portable": [artifact]}, dict(node.exec_properties)
    )
    return Path(artifact.uri)


@pytest.fixture(scope="module")
def golden(small_run):
    original = Original.of(small_run)
    outputs = golden_outputs.read(str(original.folder / serving_names.GOLDEN_OUTPUTS))
    return golden_records.find_records(outputs, original.files)


def checked(folder, golden, **changes):
    """The checks by name, after changes of the report."""
    report = portable_report.read(folder)
    report.model_copy(update=changes).write(folder)
    try:
        found = portable_checks.check(folder, golden, ServingCheckConfig())
    finally:
        report.write(folder)
    return {check.name: check for check in found}


def test_all_files_are_there_and_measured(folder):
    report = portable_report.read(folder)
    names = {
        f"{format_}/{tower}.{precision}.{suffix}"
        for format_, suffix in (("onnx", "onnx"), ("litert", "tflite"))
        for tower in ("image_tower", "text_tower")
        for precision in ("float32", "float16", "int8")
    }
    assert {one.file for one in report.files} == names
    others = {"portable.json", "tokenizer.py", "tokenizer.json", "vocabulary.txt"}
    there = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert there == names | others
    assert report.not_converted == ()
    assert report.dim == 32
    assert report.inputs["image_tower"].shape == (32, 32, 3)
    assert (report.sample.images, report.sample.split) == (80, "eval")
    assert len(report.pairs) == 6
    for one in report.files:
        assert one.bytes == (folder / one.file).stat().st_size
        assert one.p50_ms > 0
        bound = {"float32": 1e-5, "float16": 2e-3, "int8": 0.1}[one.precision]
        assert one.difference < bound, one.file
    assert report.tokenizer is not None
    assert report.tokenizer.different == ()


def test_a_healthy_conversion_passes(folder, golden):
    found = checked(folder, golden)
    assert list(found) == ["portable", "portable-tokens", "portable-agreement"]
    assert [check.sentence for check in found.values() if not check.passed] == []
    assert found["portable"].sentence.startswith("12 converted towers, int8 of 0.")


def test_a_worse_file_is_refused_by_name_and_figure(folder, golden):
    report: PortableReport = portable_report.read(folder)
    int8 = next(f for f in report.files if f.precision == "int8")
    worse = int8.model_copy(update={"recall_loss": 0.2})
    found = checked(folder, golden, files=(*(f for f in report.files if f != int8), worse))
    assert not found["portable"].passed
    at = report.sample.recall
    assert f"portable/{int8.file} loses 0.2000 of recall@10 = {at:.4f}, over 0.1" in (
        found["portable"].sentence
    )
    off = report.files[0].model_copy(update={"difference": 0.003})
    found = checked(folder, golden, files=(off, *report.files[1:]))
    assert found["portable"].sentence == (
        f"portable/{off.file} differs from the exported tower by 0.003, over 0.0001"
    )


def test_a_file_that_was_not_made_is_named_and_refused_where_it_is_required(folder, golden):
    lacking = (NotConverted(file="onnx/a.onnx", reason="ONNX has no operator for Betainc"),)
    found = checked(folder, golden, not_converted=lacking)
    assert found["portable"].passed
    assert "no portable/onnx/a.onnx: ONNX has no operator for Betainc" in found["portable"].sentence
    required = LIMITS.model_copy(update={"required": True})
    found = checked(folder, golden, not_converted=lacking, limits=required)
    assert found["portable"].sentence == (
        "portable/onnx/a.onnx was not made, and portable.required is set: "
        "ONNX has no operator for Betainc"
    )


def test_a_changed_file_or_another_network_is_refused(folder, golden, tmp_path):
    other = shutil.copytree(folder, tmp_path / "other")
    file = other / "onnx" / "text_tower.float16.onnx"
    file.write_bytes(file.read_bytes() + b"x")
    found = checked(other, golden)
    assert found["portable"].sentence == (
        "portable/onnx/text_tower.float16.onnx is not the file that was measured"
    )
    # A vocabulary in another order: other ids, and so other embeddings than the trainer's.
    swapped = shutil.copytree(folder, tmp_path / "swapped")
    pieces = (swapped / "vocabulary.txt").read_text().split("\n")
    (swapped / "vocabulary.txt").write_text("\n".join([pieces[0], *pieces[:0:-1]]))
    found = checked(swapped, golden)
    assert not found["portable-agreement"].passed
    assert "text_tower.float32.onnx differs from the trainer's" in (
        found["portable-agreement"].sentence
    )


def test_the_example_of_the_documentation_runs_without_tensorflow(
    folder, small_run, golden, tmp_path
):
    [code] = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs" / "portable.md").read_text("utf-8"), re.DOTALL
    )
    assert len([line for line in code.splitlines() if line.strip()]) <= 22
    watch = (
        "import sys\n"
        "names = ('tensorflow', 'keras', 'schema', 'trainer', 'components', 'tfx')\n"
        "assert not [n for n in names if n in sys.modules], sorted(sys.modules)\n"
    )
    (tmp_path / "match.py").write_text(code + watch)
    [picture, *_] = read_shard(str(small_run.folder / "data" / "eval-0.tar"))
    (tmp_path / "picture.png").write_bytes(picture.image)
    texts = ["a red heart", *picture.captions]
    done = subprocess.run(
        [sys.executable, "-I", "match.py", str(folder), "picture.png", *texts],
        cwd=tmp_path,
        env={**os.environ},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    given = [float(line.split(" ", 1)[0]) for line in done.stdout.splitlines()]
    served = small_run.served
    image = served.image_tower(tf.constant([picture.image]))[features.EMBEDDING].numpy()
    expected = (served.text_tower(tf.constant(texts))[features.EMBEDDING].numpy() @ image.T)[:, 0]
    np.testing.assert_allclose(given, expected, atol=0.05)


def test_pixels_by_pillow_are_close_to_those_of_the_graph(folder, small_run, golden):
    from PIL import Image, ImageOps

    from components.tower_converter import runtimes

    embed = runtimes.load(folder / "onnx" / "image_tower.float32.onnx")
    config = small_run.config.image
    exact, close = [], []
    for body in golden.images:
        image = Image.open(io.BytesIO(body)).convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
        size = (config.size, config.size)
        square = ImageOps.pad(image, size, Image.Resampling.BILINEAR, color="white")
        close.append(np.asarray(square))
        exact.append(images.transform_and_read(tf.constant(body), config).numpy())
    off = np.abs(np.stack(close).astype(int) - np.stack(exact))
    assert off.mean() < 1
    cosines = (embed(np.stack(close)) * embed(np.stack(exact))).sum(1)
    assert cosines.min() > 0.995


def test_the_report_is_json_for_others(folder):
    content = json.loads((folder / "portable.json").read_text())
    assert content["image"]["size"] == 32
    assert content["inputs"]["text_tower"] == {"name": "tokens", "dtype": "int64", "shape": [32]}
    assert content["output"] == "embedding"
