"""One of a thing, and several of it."""

import pytest

from components.example_gen.records.quarantine import Summary, remarks
from schema.text.messages import number_of, plural, share


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, "0 images"), (1, "1 image"), (2, "2 images"), (1000, "1,000 images")],
)
def test_numbers_of_things(number, expected):
    assert number_of(number, "image") == expected


def test_words():
    assert plural(2, "query") == "queries"
    assert plural(1, "older release") == "older release"
    assert plural(3, "older release") == "older releases"
    assert share(1, 9000, "record") == "1 of 9,000 records is"
    assert share(1, 1, "record") == "1 of 1 record is"
    assert share(2, 2, "record") == "2 of 2 records are"


def test_one_near_duplicate_is_one():
    summary = Summary(
        read=9,
        examples={"eval": 8},
        near_duplicates={"eval": 1},
        quarantined={"near_duplicate_of_train": 1},
    )
    assert remarks(summary) == [
        "1 of 9 images of eval (11.1 %) looks like one of the train split; it was removed"
    ]
