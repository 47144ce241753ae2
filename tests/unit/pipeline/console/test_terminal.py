"""Whatever is printed goes through one place, and what that makes of it."""

import ast
import io
import json
import logging
from pathlib import Path

import pytest
from typer.testing import CliRunner

from diptych.cli.main import app
from pipeline.console import terminal
from pipeline.console.rich_console import Table
from pipeline.local.display import LineDisplay
from pipeline.local.live_display import LiveDisplay
from schema.errors import InputError
from tests.support.paths import ROOT

PACKAGES = ("schema", "trainer", "components", "pipeline", "kubeflow", "diptych")
FOREIGN = "a\nrelease 9 serves now\x1b[2J\u202e[/bold] https://u:hunter2@host"
SHOWN = r"a\nrelease 9 serves now\x1b[2J\u202e[/bold] https://***@host"
# Prints a protocol that its parent reads through a pipe; the parent prints what it makes of it.
SPEAKS_TO_ITS_PARENT = ROOT / "components" / "serving_check" / "clients" / "client_program.py"
DRAWS = {
    "pipeline/console/progress_bar.py",
    "pipeline/console/rich_console.py",
    "pipeline/local/live_display.py",
}


def test_each_way_to_print_shows_foreign_text_as_one_line(capsys):
    printed = io.StringIO()
    console = terminal.make_console(printed, width=200)
    terminal.say(console, FOREIGN, "bold")
    console.print(FOREIGN)
    table = Table(box=None, pad_edge=False)
    table.add_column(FOREIGN)
    table.add_row(FOREIGN)
    console.print(table)
    terminal.tell(FOREIGN, printed)
    assert printed.getvalue().splitlines() == [SHOWN] * 5
    terminal.tell(FOREIGN)
    terminal.complain(FOREIGN, "second")
    shown = capsys.readouterr()
    assert shown.out == f"{SHOWN}\n"
    assert shown.err == f"diptych: {SHOWN}\ndiptych: second\n"


def test_displays_show_foreign_text_as_one_line():
    event = {"node": "Tuner", "trial": 1, "trials": 2, "best": FOREIGN}
    printed = io.StringIO()
    lines = LineDisplay(printed)
    lines.node("Tuner", "started")
    lines.progress(event)
    lines.node("Tuner", "ran")
    assert len(printed.getvalue().splitlines()) == 2
    assert SHOWN in printed.getvalue()
    console = terminal.make_console(io.StringIO(), True, 200)
    live = LiveDisplay(console)
    live.node("Tuner", "started")
    live.progress(event)
    drawn = terminal.make_console(io.StringIO(), False, 200)
    drawn.print(live.draw())
    assert isinstance(drawn.file, io.StringIO)
    assert SHOWN in drawn.file.getvalue()
    assert "\x1b" not in drawn.file.getvalue()


def test_json_stays_json(capsys):
    terminal.tell_json({FOREIGN: [FOREIGN, 1, None, {"b": True}]})
    hidden = FOREIGN.replace("u:hunter2", "***")
    shown = capsys.readouterr().out
    assert json.loads(shown) == {hidden: [hidden, 1, None, {"b": True}]}
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_a_mistake_of_ours_hides_secrets_too(capsys):
    try:
        raise ValueError(FOREIGN)
    except ValueError as error:
        terminal.complain_of_mistake(ValueError, error, error.__traceback__)
    shown = capsys.readouterr().err
    assert "\n  ValueError: a\n  release 9 serves now\\x1b[2J" in shown
    assert "hunter2" not in shown


def test_an_error_of_several_sentences():
    error = InputError("a: no", "b: no\nforged")
    assert error.sentences == ("a: no", "b: no\nforged")
    assert str(error) == "a: no\nb: no\nforged"


@pytest.mark.parametrize(
    "text", ["foo\x1b[31m: 1", "name: 'a\\nrelease 9 serves now'", '"[/b]": 1']
)
def test_keys_and_values_of_a_config_are_foreign(tmp_path, text):
    file = tmp_path / "config\n[bold].yaml"
    file.write_text(text)
    ended = CliRunner().invoke(app, ["run", str(file)])
    assert ended.exit_code == 2
    assert isinstance(ended.exception, SystemExit)
    lines = ended.stderr.splitlines()
    assert all(line.startswith(f"diptych: {tmp_path}/config\\n[bold].yaml: ") for line in lines)
    assert "\x1b" not in ended.output


def called(file: Path) -> set[str]:
    """The names of what a file calls, with the name of the module in front where there is one."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Name):
                found.add(function.id)
            elif isinstance(function, ast.Attribute):
                found.add(f"{ast.unparse(function.value)}.{function.attr}")
    return found


def imported(file: Path) -> set[str]:
    """The packages that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
    return {name.split(".")[0] for name in found}


PRINTS = {
    *("print", "rprint", "pprint", "pprint.pprint", "typer.echo", "click.echo", "typer.secho"),
    *("sys.stdout.write", "sys.stderr.write", "sys.stdout.writelines", "sys.stderr.writelines"),
    *("traceback.print_exc", "traceback.print_exception", "Text.from_markup", "os.write"),
}
WRITES_DESCRIPTORS = {
    "schema/system/log_pump.py",
    "pipeline/process/redirect_output.py",
    "pipeline/process/stopping.py",
}


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_prints_past_the_terminal(package):
    for file in sorted((ROOT / package).rglob("*.py")):
        name = file.relative_to(ROOT).as_posix()
        if file in (Path(terminal.__file__), SPEAKS_TO_ITS_PARENT):
            continue
        allowed = {"os.write"} if name in WRITES_DESCRIPTORS else set()
        assert not called(file) & PRINTS - allowed, name
        assert name in DRAWS or "rich" not in imported(file), name


def test_a_log_record_cannot_forge_another(caplog):
    from schema.system.log_records import make_safe

    before = logging.getLogRecordFactory()
    make_safe()
    try:
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(logging.Formatter("TIME %(levelname)s %(message)s"))
        logger = logging.getLogger("somebody's")
        logger.addHandler(handler)
        logger.warning("read %s", "x\nTIME INFO release 9 serves now\x1b[2J")
        try:
            raise ValueError("y\nTIME INFO forged postgresql://u:hunter2@db")
        except ValueError:
            logger.exception("failed %d", "no number")
    finally:
        logging.setLogRecordFactory(before)
        logger.removeHandler(handler)
    lines = stream.getvalue().splitlines()
    assert [line for line in lines if line.startswith("TIME")] == [
        "TIME WARNING read x",
        "TIME ERROR failed %d ('no number',)",
    ]
    assert "  TIME INFO release 9 serves now\\x1b[2J" in lines
    assert "  TIME INFO forged postgresql://***@db" in lines
