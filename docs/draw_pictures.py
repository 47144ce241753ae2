"""Draw the pictures of the README: `python docs/draw_pictures.py CONFIG RECORDING`.

CONFIG is that of a run that has shipped, and RECORDING what it wrote on a terminal:

    script -q --log-out RECORDING -c "stty cols 80 rows 24; diptych run CONFIG"

Writes `docs/pictures/`: the live table of the run, the head of its report and its worst pairs, and
the search page over its release, for light and for dark pages. Needs Debian's Chromium.
"""

import contextlib
import copy
import io
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page, sync_playwright
from rich.color_triplet import ColorTriplet
from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, SVG_EXPORT_THEME, TerminalTheme
from rich.text import Text

FOLDER = Path(__file__).resolve().parent / "pictures"
CHROMIUM = "/usr/bin/chromium"
DIPTYCH = str(Path(sys.executable).parent / "diptych")
WIDTH, HEIGHT = 960, 640  # pixels of the page; GitHub shows it about 830 wide
MARGIN = 14  # pixels below what is shown
SCALE = 1.5  # pixels of the picture for each of them
QUALITY = 72
GATES = 4  # of the report that are shown
PAIRS = 4  # of the worst ones that are shown
LIGHT = copy.copy(DEFAULT_TERMINAL_THEME)
LIGHT.background_color = ColorTriplet(244, 246, 248)  # a window on a white page has an edge
THEMES: dict[str, TerminalTheme] = {"light": LIGHT, "dark": SVG_EXPORT_THEME}
REDRAWN = re.compile(r"(?=\x1b\[2K(?:\x1b\[1A\x1b\[2K)+)")  # before Rich replaces its last frame
CONTROL = re.compile(r"\x1b\[(?:\?\d+[hl]|\d*[AK])|\r")  # all but colours
STEP = re.compile(r"step ([\d,]+) of ([\d,]+)")
SHOWN_SHARE = 0.6  # of the training, in the frame that is shown
QUERY = "red apple"


def main() -> None:
    """Draw all pictures."""
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    config, recording = map(Path, sys.argv[1:])
    FOLDER.mkdir(exist_ok=True)
    frame = training_frame(recording.read_text("utf-8", errors="replace"))
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        report = Path(scratch, "report.html")
        call = [DIPTYCH, "report", "-c", str(config), "-o", str(report)]
        subprocess.run(call, check=True, stdout=subprocess.DEVNULL)
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        with served(config) as address:
            for scheme, theme in THEMES.items():
                context = browser.new_context(
                    viewport={"width": WIDTH, "height": HEIGHT},
                    device_scale_factor=SCALE,
                    color_scheme=scheme,
                )
                page = context.new_page()
                draw_terminal(page, frame, theme, scheme)
                draw_report(page, report.as_uri(), scheme)
                draw_search(page, address, scheme)
                context.close()
        browser.close()


def training_frame(recorded: str) -> str:
    """Return the lines that a terminal showed while the towers learned, with their colours.

    Args:
        recorded: all that the run wrote.
    """
    for frame in REDRAWN.split(recorded):
        step = STEP.search(re.sub(r"\x1b\[[\d;]*m", "", frame))
        if step is None:
            continue
        done, steps = (int(number.replace(",", "")) for number in step.groups())
        if done >= SHOWN_SHARE * steps:
            return CONTROL.sub("", frame).strip("\n")
    raise SystemExit("the recording does not show the training")


def draw_terminal(page: Page, frame: str, theme: TerminalTheme, scheme: str) -> None:
    """Draw lines as a window of a terminal."""
    console = Console(record=True, width=80, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi("$ diptych run examples/emoji/config.yaml\n" + frame))
    drawn = console.export_svg(title="diptych run", theme=theme)
    page.set_content(
        f"<style>body {{margin: 0}} svg {{width: 100%; display: block}}</style>{drawn}"
    )
    save(page, f"terminal-{scheme}", height=bottom(page.locator("svg").first))


def draw_report(page: Page, address: str, scheme: str) -> None:
    """Draw the head of a report with its first gates, and the first of the worst pairs."""
    page.goto(address)
    head = page.locator("#gates li").nth(GATES - 1)
    save(page, f"report-{scheme}", height=bottom(head))
    page.evaluate("document.querySelector('#misses').scrollIntoView()")
    last = page.locator("#misses .pair").nth(PAIRS - 1)
    save(page, f"worst-{scheme}", height=bottom(last) + MARGIN)


def bottom(shown: Locator) -> float:
    """Return where an element ends, in pixels from the top of what is seen."""
    box = shown.bounding_box()
    assert box is not None
    return box["y"] + box["height"]


def draw_search(page: Page, address: str, scheme: str) -> None:
    """Draw the search page with the best row of what it finds."""
    page.goto(address)
    page.locator("#text").fill(QUERY)
    page.locator("#columns .card .name").first.wait_for()
    page.wait_for_load_state("networkidle")
    first_row = page.locator("#columns .card").first
    save(page, f"search-{scheme}", height=bottom(first_row) + MARGIN)


def save(page: Page, name: str, height: float) -> None:
    """Save what is seen of a page, down to a height in its pixels."""
    seen = {"x": 0, "y": 0, "width": WIDTH, "height": height}
    with Image.open(io.BytesIO(page.screenshot(animations="disabled", clip=seen))) as image:
        image.convert("RGB").save(FOLDER / f"{name}.webp", quality=QUALITY, method=6)


@contextlib.contextmanager
def served(config: Path) -> Iterator[str]:
    """Serve the search page over the release of a run; yields its address."""
    from pipeline.config.run_config import load

    call = [DIPTYCH, "search", str(load(config).push.path), "--port", "0"]
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            for line in server.stdout:
                if address := re.search(r"http://\S+", line):
                    yield address[0]
                    break
            else:
                raise SystemExit("the search page did not start")
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
