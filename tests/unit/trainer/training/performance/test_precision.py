"""`training.precision: auto`: which type is taken, and what becomes of it."""

from typing import Any

import numpy as np
import pytest

from tests.support.training import SPEC, config, trained, weights, write_records
from trainer.export import golden_outputs
from trainer.training.data import input_pipeline
from trainer.training.performance import precision
from trainer.training.performance.cpu import has_bfloat16

TOLD: dict[str, Any] = {
    "model": {
        "image_tower": {"kind": "conv", "filters": 4},
        "text_tower": {"kind": "bag", "width": 8},
    },
    "training": {"precision": "auto", "epochs": 1, "warmup_steps": 1},
}


@pytest.mark.parametrize(
    ("flags", "expected"), [("fma avx512_bf16", True), ("fma avx512f", False), (None, False)]
)
def test_the_processor_says_whether_it_has_bfloat16(tmp_path, flags, expected):
    if flags is not None:
        (tmp_path / "proc").mkdir()
        (tmp_path / "proc/cpuinfo").write_text(f"model name\t: amx_bf16\nflags\t\t: {flags}\n")
    assert has_bfloat16(tmp_path) is expected


def test_the_faster_type_is_taken_noted_and_served_in_float32(tmp_path, monkeypatch):
    files = write_records(tmp_path / "data", 24)
    computed, seconds = [], {"float32": 2.0, "bfloat16": 1.0}

    def timed(networks, batch) -> float:
        computed.append(networks.image_tower.layers[1].compute_dtype)
        return seconds[networks.config.training.precision]

    monkeypatch.setattr(precision, "has_bfloat16", lambda: True)
    monkeypatch.setattr(precision, "LONG_RUN", 0.0)
    monkeypatch.setattr(precision, "_seconds", timed)
    first = trained(config(**TOLD), files, tmp_path)
    assert computed == ["float32", "bfloat16"]
    assert first.config.training.precision == "float32"
    golden = golden_outputs.embed(first, input_pipeline.examples(files, SPEC, first.config))
    assert golden[golden_outputs.PRECISION] == "float32"  # what the serving check looks up
    assert first.image_tower.layers[1].compute_dtype == "float32"
    [note] = (tmp_path / "checkpoints").glob(f"*/{precision.NOTE}")
    assert note.read_text() == "bfloat16"
    # A run that goes on takes what is noted, though float32 is faster now.
    for place in note.parent.glob("step-*"):
        for file in place.iterdir():
            file.unlink()
        place.rmdir()
    seconds["bfloat16"] = 3.0
    again = trained(config(**TOLD), files, tmp_path)
    assert len(computed) == 2
    for mine, other in zip(weights(first), weights(again), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_timing_leaves_the_networks_as_they_were(tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "has_bfloat16", lambda: True)
    monkeypatch.setattr(precision, "LONG_RUN", 0.0)
    monkeypatch.setattr(precision, "GAIN", 0.0)  # float32 wins
    files = write_records(tmp_path / "data", 24)
    timed = trained(config(**TOLD), files, tmp_path)
    settings = config(**{**TOLD, "training": {**TOLD["training"], "precision": "float32"}})
    plain = trained(settings, files, tmp_path / "plain")
    [note] = (tmp_path / "checkpoints").glob(f"*/{precision.NOTE}")
    assert note.read_text() == "float32"
    for mine, other in zip(weights(timed), weights(plain), strict=True):
        np.testing.assert_array_equal(mine, other)
