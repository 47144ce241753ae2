"""The reference of the config agrees with the models, and the schema with the example."""

import json

import jsonschema
import pytest
import yaml

from pipeline.config import reference
from tests.support.paths import EMOJI, ROOT

REMEDY = "is stale: run `python -m pipeline.config.reference`"


def test_the_committed_files_are_those_of_the_models():
    assert reference.MARKDOWN.read_text() == reference.markdown(), f"docs/config.md {REMEDY}"
    assert reference.SCHEMA.read_text() == reference.schema_text(), f"the schema {REMEDY}"


@pytest.fixture(scope="module")
def page() -> str:
    return reference.markdown()


def test_a_row_has_the_key_its_values_its_default_and_its_meaning(page):
    assert (
        "| `max_quarantined` | number, at least 0, at most 1 | `0.01` | Largest share of the "
        "records read that may be unusable; above it the run stops. |"
    ) in page
    assert "| `name` | text | required | Name of the pipeline. |" in page
    assert "| `loss` | [section](#loss) | `info_nce` |" in page
    assert "| `index` | [section](#index) |  |" in page
    assert '| `operator` | `Equal`, `Exists` | `"Equal"` |' in page


def test_each_section_of_a_choice_has_a_table_of_its_own(page):
    for name in ("cosine_embedding", "sigmoid", "info_nce", "triplet", "custom"):
        assert f"\n### loss with `name: {name}`\n" in page
    for runner in ("local", "flink", "spark", "dataflow"):
        assert f"\n### beam with `runner: {runner}`\n" in page


def test_a_section_that_two_keys_share_is_described_once(page):
    assert page.count("| `shared_memory` |") == 1
    assert "## kubeflow.every_node\n" in page
    assert "## kubeflow.nodes\n" not in page


def test_the_keys_of_the_run_itself_have_a_meaning(page):
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| `")]
    start = page.index("## beam")
    ours = [line.split(" | ") for line in page[start:].splitlines() if line.startswith("| `")]
    assert len(rows) > 150
    assert [row[0] for row in ours if row[3].strip(" |") == ""] == []


def schema_faults(values: object) -> list[str]:
    validator = jsonschema.Draft202012Validator(json.loads(reference.schema_text()))
    return [error.json_path for error in validator.iter_errors(values)]


def test_editors_accept_the_example_and_refuse_a_mistake_in_it():
    values = yaml.safe_load(EMOJI.read_text())
    assert schema_faults(values) == []
    assert schema_faults({**values, "workspce": "runs"}) == ["$"]
    assert schema_faults({**values, "data": {**values["data"], "max_pixels": 0}}) == [
        "$.data.max_pixels"
    ]
    assert len(schema_faults({**values, "loss": {"name": "no_such_loss"}})) == 1


def test_the_example_leads_editors_to_the_schema():
    first = EMOJI.read_text().splitlines()[0]
    path = first.removeprefix("# yaml-language-server: $schema=")
    assert (EMOJI.parent / path).resolve() == ROOT / "docs" / "config.schema.json"


def test_every_key_has_a_meaning():
    assert [entry.path for entry in reference.entries() if not entry.meaning] == []
