"""Each piece of advice by facts that call for it, with its figure; good facts call for none."""

import dataclasses
from typing import Any

import pytest

from components.evaluator.metrics.measurement import (
    Background,
    ClassCounts,
    Estimate,
    Measurement,
)
from components.evaluator.report import Report
from components.example_gen.records.quarantine import Summary
from components.run_report.advice import advice
from components.run_report.facts import Facts, Gate, Hub
from tests.support import run_report

RECALL = "train/text_to_image_recall_at_1"


def good(**changes: Any) -> Facts:
    """Facts of a run that has nothing wrong."""
    flat = tuple((100 * n, 0.6) for n in range(1, 9))
    facts = run_report.facts(
        curves={RECALL: flat}, evaluation=Report({(): run_report.measurements(0.6)})
    )
    return dataclasses.replace(facts, **changes)


def data(**changes: Any) -> Any:
    facts = run_report.facts()
    fields = {name: changes.pop(name) for name in ("image_sides", "values") if name in changes}
    summary = facts.data.summary.model_copy(update=changes)
    return dataclasses.replace(facts.data, summary=summary, **fields)


def share(value: float, count: int = 1000) -> Measurement:
    return Measurement(Background(count), Estimate(value, value, value))


def results(**shares: float) -> Report:
    return Report({(): run_report.measurements(0.6) | {n: share(v) for n, v in shares.items()}})


def curve(*values: float) -> dict[str, Any]:
    return {RECALL: tuple((100 * n, value) for n, value in enumerate(values, 1))}


def weak() -> Report:
    weak = {"text_to_image_recall_at_10": run_report.measured(0.3, count=90)}
    return Report({(): run_report.measurements(0.6), ("kind", "tool"): weak})


def classes(right: float) -> Report:
    counts = ClassCounts(classes=5, images=1000, largest=300, unknown={})
    return dataclasses.replace(results(zero_shot_top_1=right), classes=counts)


def hub(first_for: int, rightly: int) -> Any:
    return dataclasses.replace(
        run_report.facts().gallery, hub=Hub(run_report.picture("grey cat"), first_for, rightly)
    )


def gates(low: float) -> Any:
    return (Gate(True, "mrr = 0.42 [..] >= 0.40", Estimate(0.42, low, 0.5), 0.4),)


CASES = {
    "A gate holds, but only just": (
        {"gates": gates(0.35)},
        "mrr = 0.42 [..] >= 0.40: the bound lies inside of the interval",
    ),
    "The model overfits": (
        {"curves": curve(0.1, 0.5, 0.65, 0.6, 0.58)},
        "held-out recall@1 was 0.650 at step 300 and is 0.580 at step 500",
    ),
    "The model still improves when training ends": (
        {"curves": curve(0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65)},
        "held-out recall@1 rose from 0.550 to 0.650 in the last quarter",
    ),
    "There is little to learn from": (
        {"data": data(examples={"train": 240}, distinct_captions={"train": 240})},
        "train holds 240 records, and both towers start from random weights",
    ),
    "Too few distinct texts": (
        {"data": data(distinct_captions={"train": 40})},
        "train has 40 distinct captions for 4,000 records, 0.01 for each",
    ),
    "The tokenizer does not know some characters": (
        {"evaluation": results(unknown_token_share=0.25)},
        "25 % of 1,000 tokens are unknown",
    ),
    "Different captions look the same to the network": (
        {"evaluation": results(equal_caption_share=0.5)},
        "50 % of 1,000 different captions have the tokens of another",
    ),
    "Images are shrunk a lot": (
        {"data": data(image_sides=(640.0, 480.0))},
        "the median image of train is 640 x 480 pixels, and the network sees 32 x 32",
    ),
    "kind = tool is weakest": (
        {"evaluation": weak(), "data": data(values={"kind": {"tool": 12}})},
        "recall@10 = 0.300 of 90 queries, 0.620 of all; train holds 12 records of it",
    ),
    "Names of classes say little to the model": (
        {"evaluation": classes(0.2)},
        "zero-shot classification is right for 0.200 of 1,000 images; always naming the largest "
        "class, for 0.300",
    ),
    "One image attracts many texts": (
        {"gallery": hub(9, 1)},
        "grey cat ranks first for 9 of 100 texts, and rightly for 1",
    ),
    "Some records are not used": (
        {"data": data(quarantined={"empty_caption": 100})},
        "100 of 5,000 records are quarantined: 100 empty_caption",
    ),
    "Training waits for its input": (
        {"curves": {"train/waiting_for_input": ((1, 0.9), (2, 0.4), (3, 0.6))}},
        "50 % of the time",
    ),
}


def test_good_facts_call_for_nothing():
    assert advice(good()) == []
    assert advice(good(gates=gates(0.41), gallery=hub(9, 3), evaluation=classes(0.4))) == []


@pytest.mark.parametrize("title", CASES)
def test_facts_that_call_for_it(title):
    changes, figure = CASES[title]
    [one] = advice(good(**changes))
    assert (one.title, one.figure) == (title, figure)
    assert one.action.endswith(".")


def test_a_batch_size_is_not_advised_where_the_heads_have_a_closed_form():
    [one] = advice(good(gallery=hub(9, 1)))
    assert "batch_size" in one.action
    config = run_report.config() | {"training": {"start": "correlated"}}
    [one] = advice(dataclasses.replace(good(gallery=hub(9, 1)), config=config))
    assert "batch_size" not in one.action
    assert "more pairs" in one.action


def test_a_pretrained_tower_needs_fewer_records():
    few = Summary(examples={"train": 240}, distinct_captions={"train": 240}, read=300)
    facts = good(data=dataclasses.replace(run_report.facts().data, summary=few))
    towers = {"image_tower": {"kind": "keras_application", "weights": "imagenet"}}
    assert advice(dataclasses.replace(facts, config=run_report.config() | {"model": towers})) == []
