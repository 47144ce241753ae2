"""`diptych` that waits at one point.

Called as `python -m tests.support.programs.paused_command NODE WHEN FILE ARGUMENT...`, where WHEN
is 'before' or 'after' the node works; it is registered as running then, and its folders are there.
FILE is written when the point is reached.
"""

import sys
import time
from pathlib import Path
from typing import Any

SECONDS = 900.0


def pause(node: str, when: str, file: Path) -> None:
    """Have the run wait in a node."""
    from tfx.orchestration.portable.launcher import Launcher

    run = Launcher._run_executor

    def paused(self: Any, *arguments: Any) -> Any:
        mine = self._pipeline_node.node_info.id == node
        if mine and when == "before":
            wait(file)
        output = run(self, *arguments)
        if mine and when == "after":
            wait(file)
        return output

    Launcher._run_executor = paused


def wait(file: Path) -> None:
    """Tell the test, and give it time."""
    file.touch()
    limit = time.monotonic() + SECONDS
    while time.monotonic() < limit:
        time.sleep(0.1)


if __name__ == "__main__":
    node, when, file, *arguments = sys.argv[1:]
    sys.argv = ["diptych", *arguments]
    from diptych.cli.main import main
    from pipeline.local import session

    real = session.Session.run

    def run(self: Any, *given: Any) -> Any:
        pause(node, when, Path(file))
        return real(self, *given)

    session.Session.run = run  # type: ignore[method-assign, assignment]
    main()
