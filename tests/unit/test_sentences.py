"""Compare what users may read with the committed list, and with the rules of style."""

import re

import pytest

from tests.support.sentences import CATALOGUE, catalogue, sentences, source_files

UPDATE = "update the list: python -m tests.support.sentences"
PRIVATE = re.compile(r"\b(told|shelf|spool|journal|twins?|rehears\w*|quietly|nobody|tile[sd]?)\b")
IS_NO = re.compile(r"(?<!there )\bis no (?!longer)")  # write 'is not a'
PLACEHOLDER = re.compile(r"\{[^{}]*\}")
SENTENCES = catalogue(source_files())


def test_the_list_is_up_to_date():
    committed = CATALOGUE.read_text(encoding="utf-8").splitlines()
    assert committed == sorted(set(committed))
    new, gone = sorted({*SENTENCES} - {*committed}), sorted({*committed} - {*SENTENCES})
    assert (new, gone) == ([], []), UPDATE


@pytest.mark.parametrize("rule", [PRIVATE, IS_NO], ids=["private word", "is no"])
def test_wording(rule):
    assert [text for text in SENTENCES if rule.search(PLACEHOLDER.sub("", text))] == []


def test_only_a_help_text_ends_in_a_period():
    # It begins with an upper-case letter; an error, a warning or an option does not.
    ends = [text for text in SENTENCES if re.search(r"\w\.$", text) and not text[0].isupper()]
    assert ends == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            'raise InputError(f"{a.path}: is not {b!r} " f"of {c()}")',
            ["{path}: is not {b} of {...}"],
        ),
        ('x = "two words"', []),
        ('def f():\n    """Do a thing well."""\n    return "not one of them"', ["not one of them"]),
        ('x = "SELECT id FROM Type WHERE id = 1"', []),
    ],
)
def test_what_counts_as_a_sentence(source, expected):
    assert [text for _, text in sentences(source)] == expected
