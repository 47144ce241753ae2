"""Other people's programs, each in an environment of its own, so that ours stays as locked."""

import subprocess
import sys
from pathlib import Path

from benchmarks.ingest.program import ROOT


def program(environment: Path, name: str, *packages: str) -> Path:
    """Return the path of a program, after installing its packages if it is not there yet."""
    path = environment / "bin" / name
    if not path.exists():
        uv = [str(ROOT / ".venv/bin/uv")]
        create = [*uv, "venv", "-q", "--python", sys.executable, str(environment)]
        subprocess.run(create, check=True)
        install = [*uv, "pip", "install", "-q", "--python", str(environment / "bin/python")]
        subprocess.run([*install, *packages], check=True)
    return path
