"""`diptych run` as a person sees it, and as a program reads it; its nodes are played."""

import fcntl
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.console.terminal import lines
from pipeline.local.events import EVENTS
from tests.support.paths import ROOT
from tests.support.programs.played_run import NODES, WARNED
from tests.support.small_run import small_values
from tests.support.terminal import COOKED, on_terminal

CTRL_C = b"\x03"
GO_ON = "a rerun continues after the last finished node"
ALL_QUERIES = [
    "all queries    queries  candidates  recall@1      @5     @10     mrr  median",
    "text to image       50       1,527     0.500   0.500   0.500   0.500     0.5",
    "  by chance                           0.0065  0.0065  0.0065  0.0065       0",
    "image to text       50       1,527     0.500   0.500   0.500   0.500     0.5",
    "  by chance                           0.0065  0.0065  0.0065  0.0065       0",
]
SHOWN_WARNING = WARNED.replace("\x1b", "\\x1b")


def played(ending: str, *arguments: str) -> list[str]:
    program = "tests.support.programs.played_run"
    return [sys.executable, "-m", program, ending, "run", "config.yaml", *arguments]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with a config, on whose modules Python's path leads to ours."""
    folder = tmp_path_factory.mktemp("played")
    (folder / "config.yaml").write_text(yaml.safe_dump(small_values()))
    return folder


@pytest.fixture(autouse=True)
def ours(monkeypatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def log_of(folder: Path) -> Path:
    return max((folder / "runs" / "logs").glob("*.log"))


def test_a_run_from_its_first_line_to_the_next_steps(folder):
    ended = on_terminal(played("ships"), folder)
    assert ended.code == 0
    assert [re.sub(r"\d\.\d s", "0.0 s", line) for line in ended.lines] == [
        *wrapped(f"small: log of this run in {log_of(folder)}"),
        "   node       state          time    records",
        "✓  set-up     done          0.0 s",
        "=  Transform  cached        0.0 s",
        "✓  Trainer    done          0.0 s             loss 2.250",
        "✓  Pusher     done          0.0 s",
        "3 of 3 nodes, 1 of them from the cache, 0.0 s, 1 warning",
        "",
        "shipped: release 3 serves now",
        "  ✓ text_to_image_mrr = 0.5 [0.4, 0.6] >= 0.3",
        f"  ! {SHOWN_WARNING}",
        "  ! odd data",
        "",
        *ALL_QUERIES,
        "tokens: 50 % of 50 stand for unknown characters; 50 % of 50 different captions",
        "  have the tokens of another one",
        *wrapped(f"curves of the training: {tensorboard()} --logdir /curves"),
        "took 0.0 s",
        "next: diptych report -c config.yaml",
        "      diptych search serving",
    ]
    assert re.search(r"step \d of 4", ended.screen.written)
    assert "noise" not in ended.screen.written
    assert log_of(folder).read_text().count("noise of a library") == 4 * 5 + 1
    assert not ended.screen.cursor_hidden
    kept = json.loads(log_of(folder).with_suffix(".json").read_text())
    assert [(node["id"], node["outcome"]) for node in kept["nodes"]] == [
        ("Transform", "cached"), ("Trainer", "ran"), ("Pusher", "ran"),
    ]  # fmt: skip
    assert all(node["seconds"] >= 0 and node["peak_bytes"] > 10**7 for node in kept["nodes"])
    assert kept["warnings"] == [SHOWN_WARNING, "odd data"]


def tensorboard() -> Path:
    return Path(sys.executable).with_name("tensorboard")


def wrapped(text: str, width: int = 80) -> list[str]:
    """How a sentence is printed: words stay whole, and the screen cuts longer ones."""

    cut = [
        line[at : at + width] for line in lines(text, width) for at in range(0, len(line), width)
    ]
    return [line.rstrip() for line in cut]


@pytest.mark.parametrize("ending", ["waits", "deaf"])
def test_ctrl_c_leaves_the_table_and_a_terminal_as_it_was(folder, ending):
    presses = [("step 4 of 4", CTRL_C)]
    if ending == "deaf":
        presses.append(("\x1b[2K", CTRL_C))  # the next frame: the table goes on until the second
    ended = on_terminal(played(ending), folder, 120, 40, keys=presses)
    assert ended.code == 130
    assert not ended.screen.cursor_hidden
    assert ended.modes == COOKED
    assert f"; {GO_ON}" in ended.lines[-1]
    [trainer] = [line for line in ended.lines[:-1] if "Trainer" in line]
    if ending == "waits":
        assert ended.lines[-1] == f"diptych: stopped in Trainer; {GO_ON}"
        assert trainer.startswith("■  Trainer    stopped")
        assert f"  ! {SHOWN_WARNING}" in ended.lines
    else:
        assert ended.lines[-1] == f"diptych: stopped; {GO_ON}"
        assert trainer[1:].startswith("  Trainer    running")


def test_a_node_that_fails(folder):
    ended = on_terminal(played("fails"), folder)
    assert ended.code == 1
    assert [line[:20] for line in ended.lines if "failed" in line] == ["✗  Trainer    failed"]
    assert ended.lines[-1] == f"diptych: Trainer: {SHOWN_WARNING}: no"
    kept = json.loads(log_of(folder).with_suffix(".json").read_text())
    assert kept["nodes"][-1]["outcome"] == "failed"


def test_a_terminal_without_a_moving_cursor_gets_lines(folder):
    environment = {"TERM": "dumb", "COLUMNS": "60"}
    ended = on_terminal(played("refused"), folder, 80, 40, environment)
    assert ended.code == 3
    assert "\x1b" not in ended.screen.written
    assert [line for line in ended.lines if line.startswith("Trainer: ran, ")]
    assert "not promoted: 1 of 1 gate refused it; release 3 waits as" in ended.lines
    assert ended.lines[-1] == "      diptych search serving/releases/3"


def test_no_colour(folder):
    ended = on_terminal(played("ships"), folder, environment={"NO_COLOR": "1"})
    assert "running" in ended.screen.written
    colours = re.findall(r"\x1b\[[\d;]*m", ended.screen.written)
    codes = {code for each in colours for code in each[2:-1].split(";")}
    assert codes <= {"", "0", "1", "2"}  # normal, bold, dim


def piped(folder: Path, *command: str) -> tuple[int, list[dict[str, Any]], str]:
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    for line in ended.stdout.splitlines():
        EVENTS.validate_json(line)
    return ended.returncode, list(map(json.loads, ended.stdout.splitlines())), ended.stderr


@pytest.mark.parametrize(
    ("ending", "code", "outcome", "release", "sentence"),
    [
        ("ships", 0, "shipped", 3, ""),
        ("refused", 3, "refused", 3, ""),
        ("fails", 1, "failed", None, f"diptych: Trainer: {SHOWN_WARNING}: no\n"),
    ],
)
def test_events_and_nothing_else(folder, ending, code, outcome, release, sentence):
    returned, events, complained = piped(folder, *played(ending, "--json"))
    assert (returned, complained) == (code, sentence)
    names = [event["event"] for event in events]
    assert names[0] == "run_started"
    assert names[-2:] == ["files", "verdict"]
    assert (events[-1]["outcome"], events[-1]["release"]) == (outcome, release)
    assert [e["nodes"] for e in events if e["event"] == "planned"] == [list(NODES)]
    warnings = [e["sentence"] for e in events if e["event"] == "warning"]
    assert warnings == ([SHOWN_WARNING] if ending == "fails" else [SHOWN_WARNING, "odd data"])
    assert events[-2]["log"] == str(log_of(folder)) == events[0]["log"]
    assert Path(events[-2]["record"]).exists()
    if release:
        assert events[-2]["release"] == str(folder / "serving" / "releases" / "3")
        assert (events[-2]["serving"], events[-2]["curves"]) == (str(folder / "serving"), "/curves")
    assert "noise of a library" in log_of(folder).read_text()


def test_a_signal_is_an_outcome(folder):
    with subprocess.Popen(
        played("waits", "--json"), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        read = []
        for line in process.stdout:
            read.append(json.loads(line))
            if '"step": 3' in line.decode():
                break
            if read[-1].get("values", {}).get("step") == 1:
                time.sleep(1)
                process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    events = [*read, *map(json.loads, out.splitlines())]
    assert process.returncode == 143
    assert err.decode() == f"diptych: stopped in Trainer; {GO_ON}\n"
    assert events[-1]["outcome"] == "stopped"
    assert [e["event"] for e in events if "seconds" in e][-1] == "node_stopped"


def test_a_bad_config_is_no_run(folder):
    (folder / "bad.yaml").write_text("name: x\n")
    command = played("ships", "--json")
    command[command.index("config.yaml")] = "bad.yaml"
    code, events, complained = piped(folder, *command)
    assert (code, events) == (2, [])
    assert complained.startswith("diptych: bad.yaml: ")


def test_a_workspace_that_is_taken_is_no_event(folder):
    (folder / "runs").mkdir(exist_ok=True)
    with (folder / "runs" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, events, complained = piped(folder, *played("ships", "--json"))
    assert (code, events) == (1, [])
    assert "is running in" in complained


CTRL_Z = b"\x1a"
HIDDEN, SHOWN = "\x1b[?25l", "\x1b[?25h"


def test_ctrl_z_shows_the_cursor_and_the_table_comes_back(folder):
    shell = [sys.executable, "-m", "tests.support.programs.job_control"]
    # The last frame before may have step 4, too, and Ctrl-C would end the shell.
    keys = [("step 2 of 4", CTRL_Z), ("suspended", b""), ("step 4 of 4", CTRL_C)]
    ended = on_terminal([*shell, *played("waits")], folder, 120, 40, keys=keys)
    assert ended.code == 130
    before, _, after = ended.screen.written.partition("[1]+  suspended")
    assert before.rfind(SHOWN) > before.rfind(HIDDEN) > 0
    assert before.rstrip().endswith(SHOWN)
    assert after.find(HIDDEN) < after.find("Trainer") < after.rfind(SHOWN)
    assert not ended.screen.cursor_hidden
    assert ended.modes == COOKED
    place = ended.lines.index("[1]+  suspended")
    assert any("Trainer    running" in line for line in ended.lines[:place])  # it stays
    assert [line for line in ended.lines[place:] if line.startswith("■  Trainer    stopped")]


def test_without_a_shell_nothing_is_suspended(folder):
    ended = on_terminal(played("ships"), folder, keys=[("step 2 of 4", CTRL_Z)])
    assert ended.code == 0
    assert ended.lines[-1] == "      diptych search serving"
    assert not ended.screen.cursor_hidden


@pytest.mark.parametrize(("ending", "code"), [("ships", 0), ("refused", 3)])
def test_the_end_of_a_run_stays_on_a_low_terminal(folder, ending, code):
    ended = on_terminal(played(ending), folder, 80, 18)
    assert ended.code == code
    shown = [re.sub(r"\d\.\d s", "0.0 s", line) for line in ended.screen.shown]
    ships = ending == "ships"
    serving = "serving" if ships else "serving/releases/3"
    verdict = "shipped: release 3 serves now" if ships else (
        "not promoted: 1 of 1 gate refused it; release 3 waits as challenger"
    )  # fmt: skip
    last = shown.index(f"  {'✓' if ships else '✗'} text_to_image_mrr = 0.5 [0.4, 0.6] >= 0.3")
    assert shown[last - 6 : last] == [
        "",
        *ALL_QUERIES,
    ]
    assert shown[last + 1 :] == [
        f"  ! {SHOWN_WARNING}",
        "  ! odd data",
        "took 0.0 s",
        verdict,
        "next: diptych why -c config.yaml",
        "      diptych report -c config.yaml",
        f"      diptych search {serving}",
    ]
