"""The report of a finished run: seconds, memory and bytes.

    .venv/bin/python -m benchmarks.report runs/emoji

Reads the newest artifacts of a workspace and writes the page as `diptych report` does. The first
figure includes the import of TensorFlow; the aims are those of the emoji example.
"""

import json
import resource
import sys
import time
from pathlib import Path

from benchmarks import machine
from components.run_report.facts import Facts

SECONDS, MEGABYTES = 10, 3  # aims


def newest(workspace: Path, node: str, key: str) -> Path:
    """Return the artifact of a node that was written last."""
    return max((workspace / "artifacts" / node / key).iterdir(), key=lambda path: int(path.name))


def gathered(workspace: Path) -> Facts:
    """Read the facts of the newest run of a workspace."""
    from components.run_report.gather import Sources, gather

    releases = sorted((workspace / "serving" / "releases").iterdir(), key=lambda p: int(p.name))
    config = json.loads((releases[-1] / "config.json").read_text())
    examples = newest(workspace, "ImageTextExampleGen", "examples")
    index = workspace / "artifacts" / "CatalogueIndexer"
    return gather(
        Sources(
            examples=examples,
            quarantine=newest(workspace, "ImageTextExampleGen", "quarantine"),
            statistics=newest(workspace, "StatisticsGen", "statistics"),
            anomalies=newest(workspace, "ExampleValidator", "anomalies"),
            model=newest(workspace, "Trainer", "model"),
            model_run=newest(workspace, "Trainer", "model_run"),
            evaluation=newest(workspace, "Evaluator", "evaluation"),
            serving_check=newest(workspace, "ServingCheck", "blessing"),
            index=newest(workspace, "CatalogueIndexer", "index") if index.exists() else None,
            config=config,
        )
    )


def main() -> None:
    """Print what the report of a workspace costs, and write the page."""
    started = time.perf_counter()
    from components.run_report.model_card import model_card
    from components.run_report.page.page import render

    print(machine.describe())
    facts = gathered(Path(sys.argv[1]))
    read = time.perf_counter()
    page, card = render(facts), model_card(facts)
    ended = time.perf_counter()
    file = Path(sys.argv[2] if len(sys.argv) > 2 else "report.html")
    file.write_text(page, encoding="utf-8")
    size, peak = len(page.encode()) / 1e6, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(
        f"{ended - started:.1f} s (aim {SECONDS}): {read - started:.1f} s to read, embed and rank "
        f"{facts.gallery.records:,} records, {ended - read:.1f} s to draw; "
        f"{size:.2f} MB (aim {MEGABYTES}), card {len(card) / 1e3:.1f} kB, peak {peak:.0f} MB"
    )
    print(file)


if __name__ == "__main__":
    main()
