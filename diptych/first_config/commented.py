"""Write a plan as a config in YAML, with a comment where a choice was made."""

import math
import os
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from components.evaluator.config import CAPTION_LENGTH
from components.evaluator.metrics.names import DIRECTIONS, metric_name
from components.example_gen.readers.registry import READERS
from components.example_gen.records.splits import TRAIN
from components.example_gen.rows import REASONS
from diptych.first_config.layout import EVAL
from diptych.first_config.plan import Plan
from diptych.first_config.recipe import percentile
from schema.errors import InputError
from schema.text.messages import number_of
from schema.text.untrusted_text import escaped

WIDTH = 100
MANY_CANDIDATES = 100  # from which on recall@10 says more than recall@1
TIMES_CHANCE = 3  # that a first model must reach
FEW_TEXTS = 30  # different captions, below which recall says little
FEW_QUERIES = 500  # below which three queries are more than a percent
LOST_QUERIES = 3  # that int8 files may lose
DEFAULT_UNUSABLE = 0.01  # data.max_quarantined
MORE_UNUSABLE = 1.5  # times as many as in the sample may be unusable


def commented(plan: Plan, file: Path) -> str:
    """Return the text of a config.

    Args:
        plan: what it says.
        file: where it will lie; paths are relative to its folder.

    Raises:
        InputError: a name is not UTF-8.
    """
    here = os.path.realpath(file.absolute().parent)
    lines = [
        *_comment(f"Written by `diptych init`: {summary(plan)}."),
        *_comment("All keys: docs/config.md, or `diptych keys`."),
        f"name: {_flow(plan.name)}",
        f"workspace: {_flow(f'runs/{plan.name}')} # metadata, artifacts and logs",
        "",
        *_data(plan, here),
    ]
    for name, section in plan.recipe.sections.items():
        lines += ["", *_comment(plan.recipe.why.get(name, "")), *_section(name, section)]
    lines += ["", "loss: {name: info_nce}", "", *_evaluation(plan), "", *_rest(plan)]
    text = "\n".join(lines) + "\n"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{plan.folder}: this name, or one in it, is not UTF-8; rename it"
        ) from error
    return text


def summary(plan: Plan) -> str:
    """Say in a line what the data are."""
    pictures, captions = plan.sample.pictures, plan.sample.captions
    about = "" if plan.sample.is_exact else "about "
    kind = "drawings" if pictures.are_drawings else "photographs"
    per_image = percentile(captions.per_image, 0.5)
    return (
        f"{READERS[plan.layout.format].description}, {about}{plan.counts[TRAIN]:,} images to "
        f"train on and {plan.counts[EVAL]:,} to evaluate, {kind} of {pictures.side} pixels or "
        f"more, {number_of(per_image, 'caption')} each"
    )


def _data(plan: Plan, here: str) -> Iterator[str]:
    layout, chosen, sample = plan.layout, plan.columns, plan.sample
    yield "data:"
    yield f"  format: {layout.format}"
    yield f"  path: {_flow(os.path.relpath(plan.folder, here))} # relative to this file"
    if layout.files:
        yield f"  files: {_flow(layout.files)}"
        yield from _comment("By a hash of the key: an image stays in its split.", "  ")
    yield f"  splits: {_flow(dict(plan.splits))}"
    if plan.allow:
        places = [p if "://" in p else os.path.relpath(p, here) for p in plan.allow]
        yield f"  allow: {_flow(places)}"
    if layout.left_out:
        words = ", ".join(layout.left_out)
        text = f"Not used here: {words}. `diptych evaluate` measures a release on other data."
        yield from _comment(text, "  ")
    named = {"image": chosen.image, "captions": list(chosen.captions)}
    named = {key: value for key, value in named.items() if value}
    if named:
        yield f"  columns: {_flow(named)}"
    if chosen.attributes:
        yield f"  attributes: {_flow(list(chosen.attributes))}"
    if sample.unusable > DEFAULT_UNUSABLE:
        reasons = dict.fromkeys([*sample.rejected, *(r for r, _ in sample.pictures.faults)])
        text = "; ".join(f"{reason}: {REASONS.get(reason, '')}" for reason in reasons)
        yield from _comment(
            f"Of the sample {sample.unusable:.0%} cannot be used ({text}). "
            "`diptych quarantine list` shows which.".replace("%", " %"),
            "  ",
        )
        share = min(1.0, math.ceil(sample.unusable * MORE_UNUSABLE * 100) / 100)
        yield f"  max_quarantined: {share:g}"


def _evaluation(plan: Plan) -> Iterator[str]:
    candidates = plan.counts[EVAL]
    at = 10 if candidates >= MANY_CANDIDATES else 1
    chance = min(1.0, at / candidates)
    bound = min(TIMES_CHANCE * chance, (1 + chance) / 2)
    different = plan.sample.captions.different
    texts = min(different.get(EVAL, sum(different.values())), candidates * 10)
    slices = [*plan.columns.attributes, CAPTION_LENGTH]
    metric = metric_name(DIRECTIONS[0], f"recall_at_{at}")
    yield from _comment(
        f"Among {candidates:,} images recall@{at} is {chance:.2g} by chance. The first gate asks "
        f"for {TIMES_CHANCE} times that; raise it to what the first run reaches. The second one "
        "holds later models to the release that serves."
    )
    if texts < FEW_TEXTS:
        yield from _comment(
            f"There are {number_of(texts, 'different caption')} only, with which recall says "
            "little: see zero_shot in docs/evaluation.md."
        )
    yield "evaluation:"
    yield f"  slices: {_flow(slices)}"
    yield "  gates:"
    yield f"    - {_flow({'metric': metric, 'at_least': float(f'{bound:.2g}')})}"
    mrr = metric_name(DIRECTIONS[0], "mrr")
    yield f"    - {_flow({'metric': mrr, 'not_worse_than_baseline_by': 0.02})}"


def _rest(plan: Plan) -> Iterator[str]:
    yield from _comment("The images that a release finds by text or image; `diptych search`.")
    yield f"index: {{split: {EVAL}}}"
    yield ""
    queries = plan.counts[EVAL]
    if queries < FEW_QUERIES:
        loss = min(1.0, math.ceil(100 * LOST_QUERIES / queries) / 100)
        yield from _comment(f"With int8 weights {LOST_QUERIES} of so few queries may be lost.")
        yield f"portable: {{int8_recall_loss: {loss:g}}}"
        yield ""
    yield f"push: {{path: {_flow(f'runs/{plan.name}/serving')}}} # the releases"


def _comment(text: str, indent: str = "") -> Iterator[str]:
    """Yield a comment of some lines; what is in it from elsewhere cannot end it."""
    for line in textwrap.wrap(escaped(text), WIDTH - len(indent) - 2):
        yield f"{indent}# {line}"


def _section(key: str, value: Any, indent: str = "") -> Iterator[str]:
    """Yield a key and its value, in a line if it is short and in a block otherwise."""
    whole = f"{indent}{key}: {_flow(value)}"
    if len(whole) <= WIDTH or not isinstance(value, dict):
        yield whole
        return
    yield f"{indent}{key}:"
    for name, inner in value.items():
        yield from _section(name, inner, f"{indent}  ")


def _flow(value: Any) -> str:
    # What is not ASCII is escaped, and so is whatever could leave the line.
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=math.inf)
    return text.removesuffix("\n").removesuffix("\n...")
