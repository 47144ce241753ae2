"""The live table, read from terminals of two sizes while a recorded run is replayed on them."""

import logging
import signal
import sys

import pytest

from pipeline.local.live_display import FRAMES_PER_SECOND, LiveDisplay
from pipeline.local.table_rows import Row, window
from pipeline.process.stopping import stoppable
from tests.support.recorded_run import NODES, OVERFITTING, PROGRESS, SECONDS, replay
from tests.support.screen import Screen


class Replay:
    """A recorded run on a terminal, with a clock of its own."""

    def __init__(self, columns: int, lines: int):
        self.now = 0.0
        self.screen = Screen(columns, lines)
        self.display = LiveDisplay(self.screen.console(), lambda: self.now, threaded=False)

    def move_clock(self, seconds: float) -> None:
        self.now += seconds

    def until(self, node: str, events: int) -> list[str]:
        """The screen after some things happened to a node."""
        with self.display:
            for reached in replay(self.display, self.move_clock):
                events -= reached == node
                if reached == node:
                    self.display.redraw()
                if not events:
                    shown = self.screen.shown
                    assert self.screen.cursor_hidden
                    assert self.screen.scrolled == []
                    return shown
        raise AssertionError("the run ended before")

    def to_the_end(self) -> list[str]:
        with self.display:
            for node in replay(self.display, self.move_clock):
                if node == "Pusher":
                    self.display.redraw()
        return [*self.screen.scrolled, *self.screen.shown]


WAITING = ["Baseline", "CatalogueIndexer", "TowerConverter", "Evaluator", "ServingCheck", "Pusher"]


def test_training_on_a_terminal_of_80_by_24():
    lines = Replay(80, 24).until("Trainer", 3)
    spinner = lines[8][0]
    assert lines == [
        "   node                 state          time    records",
        "✓  set-up               done          6.8 s",
        "✓  ImageTextExampleGen  done           21 s      9,632  3 quarantined",
        "=  ImportSchema         cached        0.1 s",
        "=  StatisticsGen        cached        4.3 s",
        "=  ServedStatistics     cached        0.1 s",
        "✓  ExampleValidator     done          0.2 s",
        "✓  Transform            done           23 s",
        f"{spinner}  Trainer              running  1 min 36 s    196,864",
        *(f"·  {node:<19}  waiting" for node in WAITING),
        "",
        "step 769 of 1,512 ━━━━━━━━━━━━╺━━━━━━━━━━━ 51 % 1 min 22 s left",
        "loss 0.630, held-out recall@10 0.781, 2,307 pairs/s",
        "6 of 13 nodes, 3 of them from the cache, 2 min 32 s",
    ]
    assert spinner in "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


def test_a_search_shows_its_trial_and_the_best_values_whole():
    screen = Screen(80, 24)
    display = LiveDisplay(screen.console(), lambda: 0.0, threaded=False)
    best = "0.41 (training.learning_rate 0.004, loss.margin 0.2)"
    event = {"trial": 3, "trials": 12, "best": best, "step": 50, "steps": 1000, "loss": 2.3}
    with display:
        display.plan(["Tuner", "Trainer"])
        display.node("Tuner", "started")
        display.progress({"node": "Tuner", **event})
        display.redraw()
        running = screen.shown
        display.node("Tuner", "ran")
    assert running[1].endswith("trial 3 of 12")
    assert running[4:] == [
        f"step 50 of 1,000 ━╺{'━' * 22} 5 %",
        "loss 2.300",
        f"best {best}",
        "0 of 2 nodes, 0.0 s",
    ]
    assert "trial 3 of 12, best 0.41" in screen.shown[1]


def test_a_warning_is_shown_until_the_run_ends():
    shown = Replay(80, 24).until("Evaluator", 1)
    assert shown[-2] == f"! {OVERFITTING}"
    assert shown[-1] == "10 of 13 nodes, 3 of them from the cache, 4 min 21 s, 1 warning"
    ended = Replay(80, 24).to_the_end()
    assert not [line for line in ended if OVERFITTING in line]


def test_a_finished_run_on_a_terminal_of_120_by_40():
    replayed = Replay(120, 40)
    lines = replayed.to_the_end()
    assert lines[0] == "   node                 state          time    records   memory"
    trained = "✓  Trainer              done     3 min 11 s    387,072   1.6 GB  "
    assert lines[8] == f"{trained}recall@10 0.891, loss 0.513"
    assert lines[3] == "=  ImportSchema         cached        0.1 s"
    assert [line.split()[1] for line in lines[2:-1]] == list(NODES)
    assert lines[-1] == "13 of 13 nodes, 3 of them from the cache, 4 min 50 s, 1 warning"
    assert sum(SECONDS.values()) == pytest.approx(replayed.now)
    assert not replayed.screen.cursor_hidden


@pytest.mark.parametrize("lines", [5, 8, 12, 16])
def test_a_low_terminal_shows_the_node_that_runs_and_scrolls_nothing(lines):
    shown = Replay(80, lines).until("Trainer", 3)
    assert len(shown) <= lines
    assert [line for line in shown if "Trainer" in line and "running" in line]
    if lines >= 8:
        assert [line for line in shown if line.startswith("step 769 of 1,512")]
    [left] = [line for line in shown if line.endswith("more nodes")]
    rows = sum("Trainer" in line or line[:1] in tuple("✓=·") for line in shown)
    assert int(left.split()[1]) + rows == 14
    # The last frame is the whole table, wherever its top goes.
    whole = Replay(80, lines).to_the_end()
    assert [line.split()[1] for line in whole[2:-1]] == list(NODES)


def test_a_narrow_terminal_keeps_nodes_states_and_times():
    for line in Replay(40, 24).until("Trainer", 3):
        assert len(line) <= 40
    shown = Replay(40, 24).until("Trainer", 3)
    assert shown[0] == "   node            state          time"
    assert shown[8][1:] == "  Trainer         running  1 min 36 s"


def test_columns_do_not_move_while_a_run_goes_on():
    replayed = Replay(80, 24)
    headers = set()
    with replayed.display:
        for node in replay(replayed.display, replayed.move_clock):
            replayed.display.redraw()
            if node != "set-up":  # the longest name is known with the plan
                headers.add(replayed.screen.shown[0])
    assert headers == {"   node                 state          time    records"}


HOSTILE = [
    "a\nrelease 9 serves now", "\x1b[2J\x1b[H", "\x1b]0;title\x07", "\r\r\r", "\u202edesrever",
    "[bold red]x[/]", "x" * 500, "漢字" * 40, "\x9b31m", "\u2028\u2029", "\t\t", "\x00", "👩‍👩‍👧",
    "https://u:hunter2@host", "‮‭⁦", "a\x08\x08b",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_text_from_elsewhere_stays_in_its_line(text, size):
    screen = Screen(*size)
    display = LiveDisplay(screen.console(), lambda: 0.0, threaded=False)
    with display:
        display.plan([text, "Pusher"])
        display.node(text, "started")
        display.progress({"node": text, "trial": 1, "trials": 2, "best": text})
        display.warning(text)
        display.redraw()
        running = screen.shown
        display.node(text, "failed")
    assert len(running) == 6  # header, two nodes, the best values, the warning, the counts
    assert running[1].endswith("waiting") is False
    assert "running" in running[1]
    assert running[2].split()[:2] == ["·", "Pusher"]
    assert running[3].startswith("best ")
    assert running[4].startswith("! ")
    assert "failed" in screen.shown[1]
    assert all(len(line) <= size[0] for line in running)
    assert "hunter2" not in screen.written
    for control in ("\x1b[2J", "\x1b[H", "\x1b]", "\x07", "\u202e", "\x9b", "\x00", "\x08"):
        assert control not in screen.written


def test_what_libraries_print_does_not_come_between(capsys):
    screen = Screen(80, 24)
    before = sys.stdout, sys.stderr
    with LiveDisplay(screen.console(), threaded=False) as display:
        assert (sys.stdout, sys.stderr) == before  # Rich would take them over
        display.node("Trainer", "started")
        print("from TFX")
        logging.getLogger("absl").warning("from absl")
        display.redraw()
        assert [line for line in screen.shown if "from" in line] == []
    assert "from TFX" in capsys.readouterr().out


@pytest.mark.parametrize("variable", ["NO_COLOR", None])
def test_colours_are_left_out_where_nobody_wants_them(monkeypatch, variable):
    screen = Screen(80, 24)
    console = screen.console(no_color=True if variable else None)
    display = LiveDisplay(console, lambda: 0.0, threaded=False)
    with display:
        display.node("Trainer", "started")
        display.node("Trainer", "failed")
        display.redraw()
    assert ("\x1b[1;31m" in screen.written) is (variable is None)
    assert "failed" in screen.shown[1]


def test_at_most_four_frames_a_second():
    screen = Screen(80, 24)
    display = LiveDisplay(screen.console())
    assert FRAMES_PER_SECOND <= 4
    with display:
        assert display._live.refresh_per_second == FRAMES_PER_SECOND
        for step in range(1000):  # nothing that happens draws a frame of its own
            display.node("Trainer", "started")
            display.progress({"node": "Trainer", "step": step, "steps": 1000})
        assert screen.written.count("Trainer") <= 1


@pytest.mark.parametrize(
    ("running", "room", "expected"),
    [(0, 20, (0, 10)), (0, 4, (0, 3)), (5, 4, (3, 6)), (9, 4, (7, 10)), (5, 1, (5, 6))],
)
def test_which_rows_have_room(running, room, expected):
    states = ["ran"] * running + ["started"] + ["waiting"] * (9 - running)
    rows = [Row(str(number), state) for number, state in enumerate(states)]
    first, last = window(rows, room)
    assert (first, last) == expected
    assert first <= running < last


def test_the_recording_has_every_kind_of_value():
    assert {name for values in PROGRESS.values() for event in values for name in event} == {
        "records", "quarantined", "step", "steps", "loss", "held_out_recall_at_10",
        "pairs_per_second", "seconds_left",
    }  # fmt: skip


def test_ctrl_z_is_left_alone_where_nobody_would_suspend_the_process():
    display = LiveDisplay(Screen(80, 24).console(), threaded=False)
    with display:
        assert signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL
    with stoppable("x"), LiveDisplay(Screen(80, 24).console(), threaded=False):
        assert signal.getsignal(signal.SIGTSTP) is not signal.SIG_DFL
    assert signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL
