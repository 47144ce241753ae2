"""A record or an artifact that a report cannot read ends in one sentence that names the run."""

from pathlib import Path

import pydantic
import pytest

from diptych.cli import report
from schema.errors import InputError, last_line

PATH = Path("/w/logs/2026-03-01T14-05-00.json")


@pytest.mark.parametrize(
    "record",
    [
        {"config": {}, "artifacts": [1], "verdict": "v", "nodes": []},
        {"config": {}, "artifacts": {"ImageTextExampleGen": {"examples": 5, "quarantine": 5}}},
    ],
)
def test_an_odd_record_is_a_sentence(record):
    with pytest.raises(InputError) as caught:
        report._facts(PATH, record)
    [sentence] = caught.value.sentences
    assert "run 2026-03-01T14-05-00" in sentence
    assert "\n" not in sentence


def test_an_artifact_that_is_half_written_is_a_sentence(monkeypatch):
    class Content(pydantic.BaseModel):
        text: str

    monkeypatch.setattr(report, "_sources", lambda *_: None)
    monkeypatch.setattr(
        "components.run_report.gather.gather",
        lambda _: Content.model_validate_json('{"text": "half'),
    )
    with pytest.raises(InputError) as caught:
        report._facts(PATH, {})
    assert str(caught.value).startswith(
        "run 2026-03-01T14-05-00: its record or one of its artifacts cannot be read, as one that "
        "is half written or of another version (ValidationError: Invalid JSON: EOF"
    )
    assert str(caught.value).endswith("traceback in /w/logs/report.log); run again")


def test_the_last_line_of_an_error_is_about_the_error():
    assert last_line(ValueError("a\n b \n")) == "ValueError: b"
    assert last_line(ValueError()) == "ValueError: "
