"""Run work in a forked process, and kill it at a change of a file or a question to MLflow."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from components.release.registry.mlflow_registry import MlflowRegistry

# What Python tells about every change of a file before it makes it.
CHANGES = {
    "open",
    "os.rename",
    "os.mkdir",
    "os.remove",
    "os.rmdir",
    "os.truncate",
    "shutil.copytree",
}


def fork(work: Callable[[], int]) -> int:
    """Run `work` in a child; its exit status is what `work` returns."""
    child = os.fork()
    if child == 0:
        status = 99
        try:
            status = work()
        finally:
            os._exit(status)
    return child


def wait(child: int) -> int:
    """How a child ended; negative: the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_at(step: int, folder: Path, work: Callable[[], None]) -> Callable[[], int]:
    """`work`, killed by SIGKILL at its n-th step: a change of a file or a question to MLflow.

    Step 0 never comes.
    """

    def run() -> int:
        left = step

        def count() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            mine = event in CHANGES and str(arguments[0]).startswith(str(folder))
            if mine and (event != "open" or set(str(arguments[1])) & set("wax+")):
                count()

        ask = MlflowRegistry._call

        def counted(self: MlflowRegistry, *arguments: Any, **named: Any) -> Any:
            count()
            answer = ask(self, *arguments, **named)
            count()
            return answer

        MlflowRegistry._call = counted  # type: ignore[method-assign]
        sys.addaudithook(hook)
        work()
        return 0

    return run
