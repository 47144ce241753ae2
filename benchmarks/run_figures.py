"""Read the figures that `diptych run` prints."""

import re
import sys

ROW = re.compile(r"^text to image +[\d,]+ +[\d,]+ +([\d.]+) +[\d.]+ +([\d.]+)", re.MULTILINE)
TRAINED = re.compile(r"^Trainer: (cached|ran, .*)$", re.MULTILINE)


def text_to_image(printed: str) -> tuple[float, float]:
    """Return recall@1 and recall@10 of all queries; end the program where a run printed none."""
    row = ROW.search(printed)
    if row is None:
        sys.exit(f"the run printed no recall:\n{printed}")
    return float(row[1]), float(row[2])


def training(printed: str) -> str:
    """Return what the run says of its training: time, steps, pairs a second."""
    lines = TRAINED.findall(printed)
    return lines[-1] if lines else "not run"
