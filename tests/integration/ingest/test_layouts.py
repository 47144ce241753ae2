"""The page of layouts: each example is read as it stands there, and its tables are the code's."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from components.example_gen.component import ImageTextExampleGen
from components.example_gen.config import IngestConfig
from components.example_gen.driver import Driver, patterns
from components.example_gen.images.prepared import CHANGES
from components.example_gen.readers.tables.columns import USUAL
from components.example_gen.rows import REASONS
from diptych.cli.check.command import check
from pipeline.config.data import DataConfig
from pipeline.config.load_to_train import load_to_train
from schema import features
from tests.support import s3
from tests.support.ingest import Ingested, ingested, picture, values
from tests.support.layout_cases import CASES, Expected, Pair
from tests.support.paths import ROOT
from tests.support.served_page import sections
from trainer.config.transform import ImageConfig

PAGE = (ROOT / "docs/data.md").read_text()


SECTIONS = sections(PAGE)
# Retained data are a part of a run: `tests/integration/pipeline/test_fine_tuning.py` has them.
EXAMPLES = {
    title: section
    for title, section in SECTIONS.items()
    if section.configs and title != "Retained data"
}


@pytest.fixture
def store():
    with s3.serve() as served:
        yield served


def located(data: dict[str, Any], folder: Path, request: pytest.FixtureRequest) -> IngestConfig:
    """The config of a snippet whose files are below `folder`, or in the store that it names."""
    given = DataConfig.model_validate_json(json.dumps(data))
    config = given.located(
        lambda each: each if "://" in each else str((folder / each).resolve())
    ).for_ingest(ImageConfig())
    if "://" not in config.path:
        return config
    served = request.getfixturevalue("store")
    for path in filter(Path.is_file, folder.rglob("*")):
        served.put(str(path.relative_to(folder)), path.read_bytes())
    return config


def newest(config: IngestConfig) -> IngestConfig:
    """The config once the driver has found the newest span."""
    told = ImageTextExampleGen(config, max_captions=5).exec_properties
    globs = patterns(Driver(None).resolve_exec_properties(dict(told), None, None))
    return config if config.shares else config.model_copy(update={"splits": globs})


def pairs(done: Ingested) -> Expected:
    return {
        split: {
            values(each, features.IMAGE_KEY)[0].decode(): Pair(
                values(each, features.IMAGE_ENCODED)[0],
                [caption.decode() for caption in values(each, features.CAPTIONS)],
                values(each, features.LABELS) if features.LABELS in each.features.feature else [],
                {
                    features.attribute_name(name): values(each, name)[0].decode()
                    for name in each.features.feature
                    if features.is_attribute(name)
                },
            )
            for each in examples
        }
        for split, examples in done.examples.items()
    }


@pytest.mark.parametrize("title", EXAMPLES)
def test_the_example_is_read_as_it_stands_on_the_page(title, tmp_path, request):
    [config] = EXAMPLES[title].configs
    shown = EXAMPLES[title].files
    expected = CASES[title](tmp_path, shown)
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    assert set(shown) <= written
    assert list(config) == ["data"]
    asked = located(config["data"], tmp_path, request)
    done = ingested(tmp_path / "out", newest(asked))
    assert pairs(done) == expected
    assert done.refused == []
    assert done.summary.near_duplicates == ({"eval": 1} if title == "Near duplicates" else {})


def test_every_example_of_the_page_has_a_case_here():
    assert set(CASES) == set(EXAMPLES)
    layouts = PAGE.partition("\n## Layouts\n")[2].partition("\n## ")[0]
    titles = set(re.findall(r"^### (.*)$", layouts, re.MULTILINE))
    assert titles <= set(EXAMPLES)
    assert len(titles) == 9
    assert PAGE.count("```yaml") == len(EXAMPLES) + 1  # none is inside of something else


def test_the_tables_of_the_page_are_those_of_the_code():
    assert SECTIONS["Quarantine"].tables == [REASONS]
    assert SECTIONS["Images"].tables == [CHANGES]
    [columns] = SECTIONS["Columns"].tables
    assert {name: tuple(re.findall(r"`([^`]+)`", cell)) for name, cell in columns.items()} == USUAL


def test_the_config_for_own_pairs_is_whole_and_can_be_checked(tmp_path):
    text = (ROOT / "docs/start.md").read_text().partition("## Or write it yourself")[2]
    [shown] = re.findall(r"```yaml\n(.*?)```", text.partition("\n## ")[0], re.DOTALL)
    file = tmp_path / "mine.yaml"
    file.write_text(shown)
    config = load_to_train(file)
    assert config.index is not None
    numbers = {"train": range(1, config.training.batch_size + 1), "eval": range(1001, 1021)}
    for split, names in numbers.items():
        folder = tmp_path / "pictures" / split
        folder.mkdir(parents=True)
        for name in names:
            (folder / f"{name}.jpg").write_bytes(picture(name, "jpeg"))
            (folder / f"{name}.txt").write_text(f"word{name} a picture\n")
    check(config)
    [kept] = (tmp_path / "runs" / "logs").glob("*.json")
    assert json.loads(kept.read_text())["verdict"] == "checked: the data can be used"
