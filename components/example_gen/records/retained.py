"""Retained data sets: where they lie, and which images of their files belong to them.

Each is a split of ingest with files of its own. What a release was evaluated on stands in its
config; where shares had split the files, the share of the key decides again.
"""

import dataclasses
import datetime
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from components.example_gen.config import ALL, IngestConfig, RetainedConfig
from components.example_gen.records.splits import split_of
from components.release.files import manifest
from schema.config.messages import describe_errors
from schema.errors import InputError
from schema.serving_names import CONFIG
from schema.text import text_files
from schema.text.messages import excerpt_of

_SPEC = re.compile(r"{(SPAN|VERSION)(?::(\d+))?}|{(YYYY|MM|DD)}")
_EPOCH = datetime.date(1970, 1, 1)  # TFX counts the spans of dated folders in days from here


@dataclasses.dataclass(frozen=True)
class Source:
    """The files of one retained data set.

    Attributes:
        config: of ingest, as if the data set were the whole data.
        glob: below `config.path`.
        shares: by split, where they had split the files; empty: all images belong to it.
        share: the split among them that the data set is.
    """

    config: IngestConfig
    glob: str
    shares: Mapping[str, float] = dataclasses.field(default_factory=dict)
    share: str = ""

    def holds(self, key: str) -> bool:
        """Return whether the image of a key belongs to the data set."""
        return not self.shares or split_of(key, self.shares) == self.share


def sources(config: IngestConfig) -> dict[str, Source]:
    """Return the files of each retained data set, by its name.

    Raises:
        InputError: a release is not there or does not say what it was evaluated on; names the key.
    """
    return {name: _source(name, retained, config) for name, retained in config.retain.items()}


def _source(name: str, retained: RetainedConfig, config: IngestConfig) -> Source:
    if retained.release is not None:
        try:
            return _of_release(name, Path(retained.release), config)
        except InputError as error:
            raise InputError(f"data.retain.{name}.release: {error}") from error
    values = {"path": retained.path, "format": retained.format, "columns": retained.columns}
    glob = str(retained.files)
    return Source(_alone(config, name, glob, values), glob)


def _of_release(name: str, folder: Path, config: IngestConfig) -> Source:
    trained = _release_config(folder)
    data, split = trained["data"], trained["evaluation"]["split"]
    data = {key: value for key, value in data.items() if key in IngestConfig.model_fields}
    compared = data.get("near_duplicates", {})
    if isinstance(compared, dict):  # anything else is refused below
        compared = {key: value for key, value in compared.items() if key != "max_removed"}
    try:
        theirs = IngestConfig.model_validate_json(
            json.dumps(data | {"near_duplicates": compared, "retain": {}})
        )
    except ValidationError as error:
        problems = "; ".join(describe_errors(error, IngestConfig))
        raise InputError(f"{folder / CONFIG}: data: {problems}") from error
    if not isinstance(split, str) or split not in theirs.splits:
        raise InputError(
            f"{folder / CONFIG}: evaluation.split = {excerpt_of(split)} is none of its splits"
        )
    patterns = theirs.patterns
    glob = _of_span(patterns.get(split) or patterns[ALL], manifest.read(folder).data)
    values = {
        "path": theirs.path,
        "format": theirs.format,
        "columns": theirs.columns,
        "allow": (*config.allow, *theirs.allow),
        "attributes": tuple(a for a in config.attributes if a in theirs.attributes),
    }
    return Source(_alone(config, name, glob, values), glob, theirs.shares, split)


def _release_config(folder: Path) -> dict[str, Any]:
    """Read what is needed of a release's config, which plugins may have extended."""
    file = folder / CONFIG
    if not file.is_file():
        raise InputError(f"{folder} is not a release: it holds no {CONFIG}")
    values = text_files.read_object(file)
    try:
        _ = values["data"]["splits"], values["evaluation"]["split"]
    except (KeyError, TypeError) as error:
        raise InputError(f"{file} does not say which data the release was evaluated on") from error
    return values


def _of_span(glob: str, data: Mapping[str, str]) -> str:
    """Return a glob with the span and version of a release in place of TFX's `{SPAN}`."""
    numbers = {"SPAN": data.get("span", "0"), "VERSION": data.get("version", "0")}

    def number(match: re.Match[str]) -> str:
        name, width, part = match.groups()
        if name is not None:
            return numbers[name].zfill(int(width or 0))
        day = _EPOCH + datetime.timedelta(days=int(numbers["SPAN"]))
        return day.strftime({"YYYY": "%Y", "MM": "%m", "DD": "%d"}[part])

    return _SPEC.sub(number, glob)


def _alone(config: IngestConfig, name: str, glob: str, values: Mapping[str, Any]) -> IngestConfig:
    """Return the config of ingest for one retained data set and nothing else."""
    alone = {"splits": {name: glob}, "files": None, "retain": {}}
    return config.model_copy(update={**values, **alone})
