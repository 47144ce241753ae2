"""open_clip 3.3.0 in an environment of its own, and programs that take turns with each other."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from trainer.training.performance.cpu import choose_kernels

ROOT = Path(__file__).resolve().parent.parent.parent
SCRATCH = ROOT / "runs" / "benchmark-training"
PACKAGES = ("open-clip-torch==3.3.0", "torch==2.15.0", "torchvision==0.29.2")
NAME = "open_clip 3.3.0"


def python() -> Path:
    """The interpreter of open_clip's environment, made at the first call: about 5 GB."""
    folder = SCRATCH / "peer"
    if not (folder / "bin" / "open_clip_is_there").exists():
        print(f"installing {', '.join(PACKAGES)} below {folder}")
        uv = [str(ROOT / ".venv/bin/uv")]
        subprocess.run([*uv, "venv", "-q", "--clear", "--python", sys.executable, folder],
                       check=True)  # fmt: skip
        install = [*uv, "pip", "install", "-q", "--python", str(folder / "bin/python")]
        subprocess.run([*install, *PACKAGES], check=True)
        (folder / "bin" / "open_clip_is_there").touch()
    return folder / "bin" / "python"


class Program:
    """A process that answers a line of JSON with a line of JSON; used as a context.

    Args:
        interpreter: ours or open_clip's.
        module: below benchmarks/training.
        payload: its first line.
    """

    def __init__(self, interpreter: Path | str, module: str, payload: Any):
        self._command = [str(interpreter), "-m", f"benchmarks.training.{module}"]
        self._payload = payload

    def __enter__(self) -> Self:
        choose_kernels()  # as `diptych run` does; the process inherits it
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ},
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def first(self) -> Any:
        """Its answer to what it was told at first."""
        return self.ask(self._payload)

    def ask(self, question: Any) -> Any:
        """One question, one answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(question), file=self._process.stdin, flush=True)
        for line in self._process.stdout:
            if line.startswith("{"):  # libraries print as well
                return json.loads(line)
        sys.exit(f"{' '.join(self._command)} ended without an answer")


def questions() -> Any:
    """Of a program: what it is asked, until nobody asks any more."""
    for line in sys.stdin:
        yield json.loads(line)


def answer(**values: Any) -> None:
    """Of a program: its answer."""
    print(json.dumps(values), flush=True)
