"""`diptych search`: options that do not go together."""

from typer.testing import CliRunner

from diptych.cli.main import app


def test_two_releases_are_compared_on_the_page_alone():
    ended = CliRunner().invoke(app, ["search", "runs/a", "red apple", "--compare", "runs/b"])
    assert ended.exit_code == 2
    assert ended.stderr == ("diptych: --compare: the page shows two releases; leave the text out\n")
