"""`diptych keys`: plain text for a terminal, and a suggestion for a key that does not exist."""

import pytest
from typer.testing import CliRunner

from diptych.cli.main import app


def keys(*arguments: str) -> tuple[int, str]:
    ended = CliRunner().invoke(app, ["keys", *arguments])
    return ended.exit_code, ended.output


def test_the_links_of_the_page_are_not_in_the_terminal():
    code, shown = keys()
    assert code == 0
    assert "](" not in shown
    assert "model.text_tower.lora: section, as model.image_tower.lora\n" in shown
    assert "spark://host:7077 or local[cores]" in shown


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("trainng", "; did you mean training?"),
        ("epochs", "; did you mean training.epochs or tune.epochs?"),
        ("qqqqq", "; `diptych keys` lists all"),
    ],
)
def test_an_unknown_key_names_the_one_that_may_be_meant(key, answer):
    assert keys(key) == (2, f"diptych: {key} is not a key of the config{answer}\n")
