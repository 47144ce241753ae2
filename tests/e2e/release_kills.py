"""Kill a push, a promotion, a rollback and a removal at every change of a file.

.venv/bin/python -m tests.e2e.release_kills

Questions to MLflow count as steps too. After each kill TensorFlow Serving's config names a whole
release, the old or the new, and the next process leaves nothing half done.
"""

import json
import subprocess
import sys
import tempfile
from typing import Any

NAMES = {"push": {1, 2}, "promote": {1, 2}, "rollback": {1, 2}, "prune": {3}}


def whole(name: str, after: dict[str, Any]) -> bool:
    """Whether what is there after a kill and the next process is what is promised."""
    return (
        after["seen"] in NAMES[name]
        and after["again"] in (None, 0)
        and after["serving"] == after["champion"] == after["settled"]
        and after["aliases"] == {"champion": after["champion"]}
        and sorted(after["versions"]) == after["numbers"]
        and not after["litter"]
    )


def main() -> int:
    """Print a line a change; return how many kills left something wrong."""
    program = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "tests.support.programs.release_changes",
        "kills",
    ]
    with tempfile.TemporaryDirectory() as scratch:
        done = subprocess.run([*program, scratch, "1"], capture_output=True, text=True, check=True)
    wrong = 0
    for name, found in json.loads(done.stdout).items():
        bad = [each for each in found if not whole(name, each)]
        wrong += len(bad)
        print(f"{name:<10}killed at {len(found):3} steps, {len(bad)} not as promised")
    return wrong


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
