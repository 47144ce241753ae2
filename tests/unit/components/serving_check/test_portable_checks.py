"""How ServingCheck judges converted towers by the figures of their report; no file is run."""

import pytest

from components.serving_check import portable_checks
from components.tower_converter.config import PortableConfig
from components.tower_converter.report import NOT_FINITE, PortableFile, PortableReport, Sample
from trainer.config.transform import ImageConfig


def report(one: PortableFile) -> PortableReport:
    return PortableReport(
        inputs={}, output="embedding", dim=4, image=ImageConfig(size=8), files=(one,), pairs=(),
        not_converted=(), tokenizer=None, limits=PortableConfig(),
        sample=Sample(split="eval", images=9, texts=9, queries=9, recall=0.9),
    )  # fmt: skip


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_embeddings_that_are_no_numbers_are_refused_whatever_their_recall(precision):
    """float16 holds no weight above 65,504; only of float32 files the difference has a limit."""
    good = PortableFile(
        file="f", tower="image_tower", format="onnx", precision=precision, how="", bytes=1,
        sha256="", p50_ms=1.0, difference=1e-5, recall_loss=0.0,
    )  # fmt: skip
    assert list(portable_checks._worse(report(good), 1e-4)) == []
    bad = good.model_copy(update={"difference": NOT_FINITE})
    assert list(portable_checks._worse(report(bad), 1e-4)) == [
        "portable/f gives embeddings that are not finite"
    ]
