"""What is said of an evaluation: its file, its remarks, its tables."""

import io
import math
from pathlib import Path

import pytest

from benchmarks.run_figures import text_to_image
from components.evaluator import report
from components.evaluator.config import EvaluationConfig, Gate, ZeroShotConfig
from components.evaluator.metrics.measurement import (
    Background,
    ClassCounts,
    Estimate,
    Measurement,
    Measurements,
    Results,
)
from components.evaluator.remarks import remarks
from components.evaluator.report import Report
from pipeline.console.rich_console import Console
from pipeline.console.tables import every_metric, print_report
from tests.support.metric_names import RANK_METRICS

GATE = Gate(metric="text_to_image_mrr", at_least=0.1)
PLAIN = EvaluationConfig(gates=(GATE,))
ZERO_SHOT = EvaluationConfig(gates=(GATE,), zero_shot=ZeroShotConfig(attribute="kind"))
ATTRIBUTES = {"kind": ("bag", "coat", "shoe"), "vendor": ("a",), "shelf": tuple("abcdefgh")}


def measured(texts: int, images: int) -> Measurements:
    """Each metric of ranks is 0.5 by so many queries, and 0.0123 by chance."""
    counts = {"text_to_image": (texts, images), "image_to_text": (images, texts)}
    estimate = Estimate(0.5, 0.4, 0.6)
    return {
        name: Measurement(Background(*counts[name[:13]], 0.0123), estimate) for name in RANK_METRICS
    }


def test_a_report_is_a_round_trip(tmp_path):
    nan = Estimate(math.nan, math.nan, math.nan)
    results: Results = {
        (): measured(3040, 1527),
        ("vendor", "noto"): {
            "text_to_image_mrr": Measurement(
                Background(90, 1527, 0.2), *[Estimate(0.5, 0.25, 0.75)] * 3
            ),
            "modality_gap": Measurement(Background(90), Estimate(0.1, 0.1, 0.2)),
        },
    }
    kept = Report(results, ClassCounts(3, 80, 40, {"hat": 10}), ("few texts",))
    report.write(kept, str(tmp_path))
    assert report.read(tmp_path) == kept
    report.write(Report({(): {"modality_gap": Measurement(Background(1), nan)}}), str(tmp_path))
    assert "NaN" not in Path(tmp_path, report.FILE).read_text()
    again = report.read(tmp_path).results[()]["modality_gap"].candidate
    assert all(math.isnan(value) for value in (again.value, again.low, again.high))


@pytest.mark.parametrize(
    ("config", "attributes", "instead"),
    [
        (ZERO_SHOT, ATTRIBUTES, "zero_shot_top_1 classifies the images instead"),
        # Of the attributes with several values that with about as many as there are texts.
        (
            PLAIN,
            ATTRIBUTES,
            "classification says more: evaluation.zero_shot: {attribute: shelf}",
        ),
        (
            PLAIN,
            {"vendor": ("a",)},
            "classification says more: keep the class of each image as one of data.attributes, "
            "and name it in evaluation.zero_shot",
        ),
    ],
)
def test_few_texts_are_said_with_what_to_measure_instead(config, attributes, instead):
    classes = ClassCounts(3, 7475, 2000, {})
    [said] = remarks(config, {(): measured(10, 7475)}, classes, attributes)
    assert said == (
        "the split eval has 10 distinct texts for 7,475 images: with fewer than 30, recall and MRR "
        f"are a weak measure ({instead})"
    )


def test_thirty_texts_are_enough():
    assert remarks(PLAIN, {(): measured(30, 7475)}, None, ATTRIBUTES) == ()
    assert remarks(PLAIN, {(): {}}, None, ATTRIBUTES) == ()


def test_classes_that_the_model_does_not_know_are_said():
    counted = ClassCounts(3, 50, 30, {"hat": 9, "glove": 12})
    [said] = remarks(ZERO_SHOT, {(): measured(99, 99)}, counted, ATTRIBUTES)
    assert said == (
        "zero_shot leaves out 21 images whose kind is not in the train split, and so not a class "
        "the model knows: 'glove' (12), 'hat' (9)"
    )
    many = ClassCounts(3, 50, 30, {f"class {n}": 1 for n in range(7)})
    [said] = remarks(ZERO_SHOT, {(): measured(99, 99)}, many, ATTRIBUTES)
    assert said.endswith("'class 4' (1) and 2 more")


@pytest.mark.parametrize(
    ("classes", "attributes", "why"),
    [
        (None, {}, "in the train split no image has kind"),
        (None, {"kind": ("bag",)}, "in the train split all images have the same kind"),
        (None, ATTRIBUTES, "no image of the split eval has kind"),
    ],
)
def test_why_nothing_is_classified(classes, attributes, why):
    [said] = remarks(ZERO_SHOT, {(): measured(99, 99)}, classes, attributes)
    assert said == f"zero_shot is not measured: {why}"


def printed(shown: Report) -> list[str]:
    console = Console(width=80, record=True, file=io.StringIO())
    print_report(shown, console)
    console.print(every_metric(shown.results[()]))
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= 80
    return [" ".join(line.split()) for line in lines]


def test_each_table_has_its_queries_candidates_and_chance():
    whole = measured(3040, 1527)
    whole["zero_shot_top_1"] = Measurement(Background(80, 3, 1 / 3), Estimate(0.9, 0.8, 1))
    whole["image_embedding_variance"] = Measurement(Background(1527), Estimate(0.1, 0.1, 0.2))
    of_slice = measured(90, 1527)
    shown = Report({(): whole, ("kind", "bag"): of_slice}, ClassCounts(3, 80, 40, {}))
    rows = printed(shown)
    assert rows[0] == "all queries queries candidates recall@1 @5 @10 mrr median"
    assert rows[1] == "text to image 3,040 1,527 0.500 0.500 0.500 0.500 0.5"
    assert rows[2] == "by chance 0.0123 0.0123 0.0123 0.0123 0"
    assert text_to_image("\n".join(rows)) == (0.5, 0.5)  # as the benchmarks read it
    assert rows[3] == "image to text 1,527 3,040 0.500 0.500 0.500 0.500 0.5"
    assert rows[5] == "zero-shot images classes top 1"
    assert rows[6] == "images to classes 80 3 0.900"
    assert rows[7] == "by chance 0.33"
    assert rows[8] == "largest class 0.5"  # 40 of 80
    assert rows[9] == "slices, text to image queries candidates recall@10 chance mrr"
    assert rows[10] == "kind = bag 90 1,527 0.500 0.012 0.500"
    assert rows[11] == "all queries queries candidates value low high chance"
    assert rows[12] == "text_to_image_recall_at_1 3,040 1,527 0.5 0.4 0.6 0.012"
    assert rows[-1] == "image_embedding_variance 1,527 0.1 0.1 0.2"
