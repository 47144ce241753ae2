"""Put obstacles into the way of every command: `python -m tests.e2e.forbidden [COMMAND...]`.

Folders that may not be written or read, files in the place of folders and the reverse, links to
nowhere and in circles. A command either does its work or fails with 1 or 2 and one sentence that
names what is in its way. Run by root, root's capabilities are laid aside first.
"""

import contextlib
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.support.places import DIPTYCH, as_ordinary_user, write_config

ORDINARY = "DIPTYCH_TEST_ORDINARY"  # set where capabilities are laid aside already
TIMEOUT_S = 300

COMMANDS = {
    "releases": "releases -c {config}",
    "why": "why -c {config}",
    "why a release": "why 1 -c {config}",
    "quarantine list": "quarantine list -c {config}",
    "quarantine list to a file": "quarantine list -c {config} --output {output}",
    "quarantine retry": "quarantine retry -c {config}",
    "promote": "promote 1 -c {config} --force --reason test",
    "rollback": "rollback -c {config}",
    "check": "check {config}",
    "run": "run {config}",
    "evaluate": "evaluate 1 {data} --files eval-*.tar -c {config} --output {output}",
    "kubeflow compile": "kubeflow compile {config} --output {output}",
    "kubeflow check": "kubeflow check {config}",
    "kubeflow dry-run": "kubeflow dry-run {config}",
    "kubeflow submit": "kubeflow submit {config} --package {package} --host http://127.0.0.1:9",
    "kubeflow schedule": "kubeflow schedule {config} --cron @daily --package {package}",
}
FOLDERS = (
    "",
    "runs",
    "runs/logs",
    "runs/artifacts",
    "serving",
    "serving/releases",
    "serving/releases/1",
    "data",
    "out",
)
FILES = (
    "config.yaml",
    "runs/metadata.sqlite",
    "serving/releases/1/release.json",
    "serving/models.config",
    "data/eval-0.tar",
    "package.yaml",
    "out/file",
)


def _replaced(path: Path, by: Callable[[Path], object]) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    by(path)


OBSTACLES: dict[str, Callable[[Path], object]] = {
    "no permission": lambda path: path.chmod(0),
    "read-only": lambda path: path.chmod(0o555 if path.is_dir() else 0o444),
    "other kind": lambda path: _replaced(
        path, Path.touch if path.is_dir() else lambda each: each.mkdir()
    ),
    "link to nowhere": lambda path: _replaced(path, lambda each: each.symlink_to("/nowhere/x")),
    "link to itself": lambda path: _replaced(path, lambda each: each.symlink_to(each.name)),
}


# Commands that take long meet what can matter to them.
QUICK = ("no permission", "read-only", "other kind")
SLOW = {"run": QUICK, "check": QUICK, "evaluate": QUICK, "kubeflow dry-run": ("no permission",)}
OF_DRY_RUN = ("", "runs", "data", "config.yaml")


def cases(command: str) -> Iterator[tuple[str, str]]:
    """What is put into the way of a command: a path and an obstacle."""
    for path in (*FOLDERS, *FILES):
        if command == "kubeflow dry-run" and path not in OF_DRY_RUN:
            continue
        for obstacle in SLOW.get(command, tuple(OBSTACLES)):
            if path != "" or obstacle in ("no permission", "read-only"):
                yield path, obstacle


class Desk:
    """A finished run that is put back for each case, at the same path."""

    def __init__(self, folder: Path):
        self.folder, self._kept = folder / "desk", folder / "kept"

    def prepare(self) -> None:
        config = write_config(self.folder, kubeflow={"host": "http://127.0.0.1:9"})
        (self.folder / "out").mkdir()
        (self.folder / "out" / "file").touch()
        package = str(self.folder / "package.yaml")
        for words in (
            ["run", str(config)],
            ["kubeflow", "compile", str(config), "--output", package],
        ):
            ended = subprocess.run([DIPTYCH, *words], capture_output=True, text=True)
            assert ended.returncode == 0, ended.stderr
        shutil.copytree(self.folder, self._kept, symlinks=True)

    def put_back(self) -> None:
        subprocess.run(["chmod", "-R", "u+rwX", self.folder], capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self._kept, self.folder, symlinks=True)

    def arguments(self, command: str) -> list[str]:
        names = {
            "config": self.folder / "config.yaml",
            "data": self.folder / "data",
            "output": self.folder / "out" / "file",
            "package": self.folder / "package.yaml",
        }
        return [word.format(**names) for word in COMMANDS[command].split()]


def run(arguments: Sequence[str], folder: Path) -> tuple[int, str]:
    """Run a command in a fork of this process, which has imported all; its code and last words."""
    said = folder / "said"
    child = os.fork()
    if child == 0:
        code = 99
        with said.open("wb") as file, contextlib.suppress(BaseException):
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            code = _ended(arguments)
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
    deadline = time.monotonic() + TIMEOUT_S
    while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
        if time.monotonic() > deadline:
            os.kill(child, 9)
        time.sleep(0.02)
    return os.waitstatus_to_exitcode(ended[1]), said.read_text(errors="replace")


def _ended(arguments: Sequence[str]) -> int:
    from diptych.cli.main import app

    try:
        app(list(arguments), prog_name="diptych")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 98
    except BaseException:
        traceback.print_exc()
        return 97
    return 0


def judged(code: int, said: str) -> str:
    """What is wrong with how a command ended; empty: nothing."""
    sentences = [line for line in said.splitlines() if line.startswith("diptych: ")]
    if "Traceback (most recent" in said:
        return "a traceback: " + said.strip().splitlines()[-1][:200]
    if code in (0, 3):
        return ""
    if code not in (1, 2):
        return f"ended with {code}: {said[-200:]}"
    if len(sentences) != 1:
        return f"{len(sentences)} sentences: {said[-300:]}"
    if "(traceback in" in said:
        return "points to a traceback: " + sentences[0]
    return ""


def main(commands: Sequence[str]) -> int:
    """Try these commands, or all; returns the exit code."""
    if os.geteuid() == 0 and ORDINARY not in os.environ:
        os.environ[ORDINARY] = "1"
        again = as_ordinary_user([sys.executable, "-m", "tests.e2e.forbidden", *commands])
        os.execvp(again[0], again)
    with tempfile.TemporaryDirectory(prefix="forbidden-", ignore_cleanup_errors=True) as name:
        desk = Desk(Path(name))
        desk.prepare()
        for module in (
            "mlflow.tracking",
            "kubeflow.compiler.package_writer",
            "pipeline.local.runner",
        ):
            importlib.import_module(module)  # once, for all forks
        wrong = tried = refused = 0
        for command in commands or COMMANDS:
            for path, obstacle in cases(command):
                desk.put_back()
                OBSTACLES[obstacle](desk.folder / path)
                code, said = run(desk.arguments(command), Path(name))
                fault = judged(code, said)
                tried += 1
                refused += code in (1, 2)
                wrong += bool(fault)
                line = fault or next(
                    (s for s in said.splitlines() if s.startswith("diptych: ")), "works"
                )
                mark = "FAILS" if fault else f"{code:5}"
                print(f"{mark} {command}, {path or '.'} {obstacle}: {line}", flush=True)
        desk.put_back()
    print(f"{tried} cases, {refused} refused in one sentence, {wrong} not as promised")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
