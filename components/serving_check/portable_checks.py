"""Checks of the converted towers: the files as measured, and golden records through them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from components.release.files.manifest import digest
from components.serving_check.config import ServingCheckConfig
from components.serving_check.inputs.golden_records import GoldenRecords
from components.serving_check.numerical_checks import difference
from components.serving_check.report import Check, judge
from components.tower_converter import report as portable_report
from components.tower_converter import runtimes
from components.tower_converter.report import PortableFile, PortableReport
from components.tower_converter.texts import load_tokenizer
from schema.serving_names import IMAGE_TOWER, TEXT_TOWER
from schema.text.messages import excerpt_of, number_of
from trainer.preprocessing import images

FILES, TOKENS, AGREEMENT = "portable", "portable-tokens", "portable-agreement"


def check(folder: Path, golden: GoldenRecords, config: ServingCheckConfig) -> list[Check]:
    """Judge converted towers by the limits in their report, and call them with golden records.

    Args:
        folder: of TowerConverter's artifact.
        golden: records as received, and the trainer's embeddings of them.
        config: whose `agreement` is wider for networks that compute in bfloat16.
    """
    report = portable_report.read(folder)
    agreement = max(report.limits.agreement, config.agreement)
    changed = [
        f"portable/{one.file} is not the file that was measured"
        for one in report.files
        if not (folder / one.file).is_file() or digest(folder / one.file) != one.sha256
    ]
    if changed:
        return [judge(FILES, changed, "")]
    return [
        judge(FILES, [*_refused(report), *_worse(report, agreement)], summary(report)),
        _tokens(report),
        _agreement(folder, report, golden, agreement),
    ]


def summary(report: PortableReport) -> str:
    """Return one sentence on the files: sizes, recall, and what there is not."""
    sizes = {(f.tower, f.format, f.precision): f.bytes for f in report.files}
    shares = [
        size / sizes[tower, format_, "float32"]
        for (tower, format_, precision), size in sizes.items()
        if precision == "int8" and (tower, format_, "float32") in sizes
    ]
    size = f", int8 of {max(shares):.2f} of the size of float32" if shares else ""
    worst = max((pair.recall_loss for pair in report.pairs), default=0.0)
    sentence = (
        f"{number_of(len(report.files), 'converted tower')}{size}, at most {max(0.0, worst):.4f} "
        f"below recall@{report.sample.recall_at} = {report.sample.recall:.4f} of the exported "
        f"towers on {number_of(report.sample.images, 'image')}"
    )
    lacking = "; ".join(f"no portable/{one.file}: {one.reason}" for one in report.not_converted)
    return f"{sentence}; {lacking}" if lacking else sentence


def _refused(report: PortableReport) -> Iterator[str]:
    if report.limits.required:
        for one in report.not_converted:
            yield f"portable/{one.file} was not made, and portable.required is set: {one.reason}"


def _worse(report: PortableReport, agreement: float) -> Iterator[str]:
    at, before = report.sample.recall_at, report.sample.recall
    one_query = 1.01 / report.sample.queries if report.sample.queries else 0.0
    for one in report.files:
        limit = report.limits.recall_loss(one.precision)
        if one.difference >= portable_report.NOT_FINITE:
            yield f"portable/{one.file} gives embeddings that are not finite"
            continue
        if limit is None and one.difference > agreement:
            yield (
                f"portable/{one.file} differs from the exported tower by {one.difference:.2g}, "
                f"over {agreement:g}"
            )
        if limit is not None and one.recall_loss > max(limit, one_query):
            yield (
                f"portable/{one.file} loses {one.recall_loss:.4f} of recall@{at} = {before:.4f}, "
                f"over {limit:g}"
            )
    for pair in report.pairs:
        limit = report.limits.recall_loss(pair.precision)
        if limit is not None and pair.recall_loss > max(limit, one_query):
            yield (
                f"both towers of portable/{pair.format} in {pair.precision} lose "
                f"{pair.recall_loss:.4f} of recall@{at} = {before:.4f}, over {limit:g}"
            )


def _tokens(report: PortableReport) -> Check:
    compared = report.tokenizer
    if compared is None:
        return judge(TOKENS, [], "the tokenizer has no form in plain Python")
    faults = [
        f"portable/{portable_report.TOKENIZER} gives {excerpt_of(text)} other ids than the "
        "exported tower"
        for text in compared.different
    ]
    return judge(TOKENS, faults, f"{compared.texts} texts get the ids of the exported tower")


def _agreement(folder: Path, report: PortableReport, golden: GoldenRecords, limit: float) -> Check:
    """Compare float32 files with the trainer's own embeddings, from files and strings on."""
    pixels = np.stack(
        [images.transform_and_read(one, report.image).numpy() for one in golden.images]
    )
    inputs = {IMAGE_TOWER: pixels}
    expected = {IMAGE_TOWER: golden.image_embeddings, TEXT_TOWER: golden.text_embeddings}
    if report.tokenizer is not None and golden.texts:
        ids = load_tokenizer(folder)([text.decode() for text in golden.texts])
        inputs[TEXT_TOWER] = np.array(ids, np.int64)

    def embedded(one: PortableFile) -> np.ndarray:
        return runtimes.load(folder / one.file)(inputs[one.tower])

    off = {
        one.file: difference(embedded(one), expected[one.tower])
        for one in report.files
        if one.precision == "float32" and one.tower in inputs
    }
    faults = [
        f"portable/{file} differs from the trainer's embeddings by {value:.2g}, over {limit:g}"
        for file, value in off.items()
        if not value <= limit
    ]
    worst = max(off.values(), default=0.0)
    return judge(
        AGREEMENT, faults, f"no float32 file differs from the trainer's by more than {worst:.1g}"
    )
