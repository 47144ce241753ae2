"""docs/howto/troubleshooting.md quotes sentences that Diptych prints."""

import re

import pytest

from tests.support.paths import ROOT
from tests.support.sentences import CATALOGUE

PAGE = (ROOT / "docs/howto/troubleshooting.md").read_text("utf-8")
QUOTED = re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE)
PLACEHOLDER = re.compile(r"\{[^{}]*\}")


def printed(quoted: str) -> list[str]:
    """The sentences of the catalogue that hold a quotation, whose `...` stand for anything."""
    parts = [re.escape(part) for part in quoted.split("...")]
    pattern = re.compile(".*".join(parts))
    # A placeholder is a word, so that a quotation cannot be all placeholder.
    lines = CATALOGUE.read_text("utf-8").splitlines()
    return [line for line in lines if pattern.search(PLACEHOLDER.sub("@", line))]


@pytest.mark.parametrize("quoted", QUOTED)
def test_a_message_of_the_page_is_one_that_diptych_prints(quoted: str):
    assert printed(quoted)
    assert len(quoted.replace("...", "").strip()) >= 10


def test_the_page_has_messages_and_no_repetition():
    assert len(QUOTED) >= 25
    assert len(set(QUOTED)) == len(QUOTED)


def test_a_message_that_is_not_printed_is_seen():
    assert printed("the loss is sad") == []
    assert printed("training: the loss is ... at step")
