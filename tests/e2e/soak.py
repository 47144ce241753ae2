"""Run a small pipeline again and again with other seeds, and see whether anything grows.

.venv/bin/python -m tests.e2e.soak [runs]

Each run trains, is compared with the champion, and is promoted or refused; `push.keep` removes old
releases, and `diptych clean` follows each run. It prints a line a run with the sizes; at the end,
how the last run compares with the tenth. What grows by design is shown by itself: the logs, the
audit log, and the rows that MLflow keeps of deleted runs until `mlflow gc`.
"""

import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from tests.support.commands import run, write_config
from tests.support.small_run import small_values

GROWS = ("logs", "mlflow.db", "audit_log.jsonl")
SETTLED = 10  # runs after which nothing may grow any more
ALLOWED = 1.05


def size(folder: Path, left_out: tuple[str, ...] = ()) -> int:
    """Bytes of the files below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    kept = (path for path in files if not set(path.relative_to(folder).parts) & set(left_out))
    return sum(path.stat().st_size for path in kept)


def executions(workspace: Path) -> int:
    """Rows of executions in the metadata store."""
    with closing(sqlite3.connect(workspace / "metadata.sqlite")) as store:
        [[count]] = store.execute("SELECT count(*) FROM Execution")
    return int(count)


def main() -> int:
    """Run, print and compare; return how many things are not as promised."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    measured: list[tuple[int, int]] = []
    wrong = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for seed in range(1, runs + 1):
            started = time.monotonic()
            config = write_config(
                folder,
                training={**small_values()["training"], "epochs": 2, "seed": seed},
                push={"path": "serving", "keep": {"champions": 3, "refused": 3}},
            )
            code, _, err = run("run", config, folder=folder)
            cleaned, _, also = run("clean", "-c", config, folder=folder)
            wrong += code not in (0, 3) or cleaned != 0
            workspace, serving = folder / "runs", folder / "serving"
            disk, rows = size(folder, GROWS), executions(workspace)
            measured.append((disk, rows))
            grown = {name: size_of(folder, name) for name in GROWS}
            releases = len(list((serving / "releases").iterdir()))
            print(
                f"run {seed:2}: exit {code}, {time.monotonic() - started:4.0f} s, "
                f"{disk / 1e6:6.1f} MB, {rows} executions, {releases} releases; "
                + ", ".join(f"{name} {each / 1e3:.0f} kB" for name, each in grown.items())
                + (f" {err}{also}" if code not in (0, 3) or cleaned else ""),
                flush=True,
            )
    if runs > SETTLED:
        for what, at in (("disk", 0), ("executions", 1)):
            before, after = measured[SETTLED - 1][at], measured[-1][at]
            wrong += after > before * ALLOWED
            print(f"{what}: {after / before:.3f} of what it was after run {SETTLED}")
    print(f"{runs} runs: {wrong} not as promised")
    return wrong


def size_of(folder: Path, name: str) -> int:
    """Bytes of all files and folders of a name."""
    return sum(size(each) if each.is_dir() else each.stat().st_size for each in folder.rglob(name))


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
