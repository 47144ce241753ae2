"""Put together what a config for a folder says: data, recipe, evaluation, with the reasons."""

import bisect
import dataclasses
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from components.example_gen.config import ALL, IngestConfig
from components.example_gen.records.splits import TRAIN
from diptych.first_config import columns, records
from diptych.first_config.layout import COCO, EVAL, FOLDER, Layout, find_layout
from diptych.first_config.listing import list_folder
from diptych.first_config.recipe import Recipe, choose
from diptych.first_config.sample import Sample, take_sample
from diptych.machine import packages
from diptych.machine.hardware import Hardware
from schema.config.messages import describe_errors
from schema.errors import InputError
from schema.text.messages import number_of

SHARES = (0.1, 0.2, 0.3, 0.5)  # of the evaluated split, where no files say
FEWEST_EVALUATED = 100  # images that a share should hold out, where there are some thousand
# Their captions are in sidecars, their columns are given, or seen only by TensorFlow.
_NO_COLUMNS = (FOLDER, "webdataset", COCO, "tfrecord")


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is known of a folder, and what follows from it.

    Attributes:
        folder: of the data, absolute.
        layout: of its files.
        columns: that the config names.
        sample: of the pairs.
        splits: globs or shares by split.
        counts: images by split.
        recipe: how to train.
        allow: where else files may be; folders are absolute.
    """

    folder: str
    layout: Layout
    columns: columns.Chosen
    sample: Sample
    splits: Mapping[str, str | float]
    counts: Mapping[str, int]
    recipe: Recipe
    allow: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the pipeline, by that of the folder."""
        words = re.sub("[^a-z0-9]+", "-", os.path.basename(self.folder).lower())  # noqa: PTH119
        words = words[:50].strip("-")
        return words if words[:1].isalpha() else f"pairs-{words}".strip("-")


def make_plan(
    folder: Path, format_name: str | None, machine: Hardware, allow: Sequence[str] = ()
) -> Plan:
    """Look at a folder and decide what its config says.

    Args:
        folder: of the data.
        format_name: name of the reader; None: by the names of the files.
        machine: that trains.
        allow: where else files may be that the data name: folders, buckets, hosts.

    Raises:
        InputError: there are no pairs that can be read, or too few.
    """
    listing = list_folder(folder)
    layout = find_layout(listing, format_name)
    first = f"{layout.folder}/{layout.names[0]}" if layout.names else layout.folder
    described = layout.format == FOLDER and bool(listing.metadata)
    is_table = described or layout.format not in _NO_COLUMNS
    chosen = columns.choose(first, records.first_records(layout, listing), is_table)
    places = tuple(place if "://" in place else os.path.realpath(place) for place in allow)
    sample = take_sample(_ingest_config(layout, chosen, places))
    splits, counts = _splits(layout, sample)
    pretrained = not packages.missing(packages.WEIGHTS)
    recipe = choose(sample, counts[TRAIN], machine, pretrained)
    return Plan(layout.folder, layout, chosen, sample, splits, counts, recipe, places)


def _ingest_config(layout: Layout, chosen: columns.Chosen, allow: tuple[str, ...]) -> IngestConfig:
    named: dict[str, Any] = {}
    if chosen.image is not None:
        named["image"] = chosen.image
    if chosen.captions:
        named["captions"] = chosen.captions
    splits: Mapping[str, str | float] = layout.splits or {TRAIN: 0.9, EVAL: 0.1}
    values = {
        "format": layout.format,
        "path": layout.folder,
        "splits": dict(splits),
        "files": layout.files or None,
        "columns": named,
        "allow": allow,
        "attributes": chosen.attributes,
    }
    try:
        return IngestConfig.model_validate(values)
    except ValidationError as error:
        raise InputError(f"--allow: {'; '.join(describe_errors(error, IngestConfig))}") from error


def _splits(layout: Layout, sample: Sample) -> tuple[Mapping[str, str | float], Mapping[str, int]]:
    """Return the splits and how many images each has.

    Raises:
        InputError: there are too few to train with.
    """
    if layout.splits:
        counts = dict(sample.pairs)
        if counts[TRAIN] >= 2 and counts[EVAL] >= 1:
            return layout.splits, counts
        raise InputError(
            f"{layout.folder}: {counts[TRAIN]} images to train on and {counts[EVAL]} to evaluate "
            "are too few; a loss compares 2 at least"
        )
    total, wanted = sample.pairs[ALL], min(FEWEST_EVALUATED, sample.pairs[ALL] // 5)
    choices = []
    for share in SHARES:
        # Of few images, chance may put none in a split; of many, each has its share.
        counted = len(sample.positions)
        of_train = bisect.bisect_left(sample.positions, 1 - share) / counted if counted else None
        train = round(total * (1 - share if of_train is None else of_train))
        choices.append((share, train, total - train))
    usable = [choice for choice in choices if choice[1] >= 2 and choice[2] >= 1]
    if not usable:
        pairs = f"{number_of(total, 'image')} with captions"
        raise InputError(f"{layout.folder}: holds {pairs}, too few to train with")
    share, train, held_out = next((c for c in usable if c[2] >= wanted), usable[-1])
    return {TRAIN: round(1 - share, 2), EVAL: share}, {TRAIN: train, EVAL: held_out}
