"""What `docs/draw_pictures.py` takes from the recording of a run."""

import pytest
from rich.text import Text

from pipeline.local.live_display import LiveDisplay
from tests.support.docs_script import docs_script
from tests.support.recorded_run import replay
from tests.support.screen import Screen


@pytest.fixture(scope="module")
def pictures():
    return docs_script("draw_pictures")


@pytest.fixture(scope="module")
def recorded() -> str:
    screen = Screen(80, 24)
    now = [0.0]
    display = LiveDisplay(screen.console(), lambda: now[0], threaded=False)

    def move_clock(seconds: float) -> None:
        now[0] += seconds

    with display:
        for _ in replay(display, move_clock):
            display.redraw()
    return screen.written.replace("\n", "\r\n")  # as a terminal's driver writes it


def plain(frame: str) -> list[str]:
    return [line.rstrip() for line in Text.from_ansi(frame).plain.split("\n")]


def test_the_frame_is_the_first_one_behind_a_share_of_the_training(pictures, recorded, monkeypatch):
    monkeypatch.setattr(pictures, "SHOWN_SHARE", 0.4)
    lines = [
        line.rstrip()
        for line in Text.from_ansi(pictures.training_frame(recorded)).plain.split("\n")
    ]
    assert lines[0].split() == ["node", "state", "time", "records"]
    assert lines[2] == "✓  ImageTextExampleGen  done           21 s      9,632  3 quarantined"
    assert lines[-3].startswith("step 769 of 1,512")
    assert lines[-2] == "loss 0.630, held-out recall@10 0.781, 2,307 pairs/s"
    assert len(lines) == 19
    monkeypatch.setattr(pictures, "SHOWN_SHARE", 0.9)
    assert plain(pictures.training_frame(recorded))[-3].startswith("step 1,512 of 1,512")


def test_a_recording_without_training_is_refused(pictures, recorded):
    with pytest.raises(SystemExit, match="does not show the training"):
        pictures.training_frame(recorded.partition("step ")[0])
