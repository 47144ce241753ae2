"""Print how much of every package the tests ran.

`python -m tests.support.programs.coverage_report` reads the file `.coverage` of `pytest --cov`.
It prints the lines and the branches of every package, and ends with 1 where the tests ran less of
all lines than `LEAST_LINES`.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import coverage

LEAST_LINES = 92.0  # percent of the lines of all packages together
COUNTS = ("covered_lines", "num_statements", "covered_branches", "num_branches")


def by_package(report: dict[str, Any]) -> dict[str, list[int]]:
    """Add up the counts of the files of every package, and of all.

    Args:
        report: coverage's JSON report.
    """
    totals: dict[str, list[int]] = {}
    for name, file in report["files"].items():
        counts = [file["summary"][count] for count in COUNTS]
        for key in (Path(name).parts[0], "all"):
            known = totals.get(key, [0] * len(COUNTS))
            totals[key] = [a + b for a, b in zip(known, counts, strict=True)]
    return totals


def percent(part: int, whole: int) -> float:
    """Return the share in percent; all of nothing is 100."""
    return 100 * part / whole if whole else 100.0


def main() -> int:
    """Print the table and return the exit code."""
    measured = coverage.Coverage()
    measured.load()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "report.json")
        measured.json_report(outfile=str(file))
        totals = by_package(json.loads(file.read_text()))
    print(f"{'package':12}{'lines':>18}{'branches':>18}")
    for package in sorted(totals, key=lambda name: (name == "all", name)):
        lines, of_lines, branches, of_branches = totals[package]
        row = [(lines, of_lines), (branches, of_branches)]
        cells = (f"{percent(a, b):.1f} % of {b:,}" for a, b in row)
        print(f"{package:12}" + "".join(f"{cell:>18}" for cell in cells))
    covered = percent(*totals["all"][:2])
    if covered < LEAST_LINES:
        print(f"the tests run {covered:.1f} % of the lines; {LEAST_LINES:g} % are asked for")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
