"""The smallest whole run in a place of one's choice, as a person or a scheduler starts it."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.support.small_run import small_values, write_small_data

DIPTYCH = Path(sys.executable).with_name("diptych")
# Root without its capabilities is subject to permissions as everybody else is.
ORDINARY = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
UID = 47_110  # that no machine knows


def tiny_values() -> dict[str, Any]:
    """A config whose run takes less than a minute and ships."""
    values = small_values()
    values["training"]["epochs"] = 2
    values["serving_check"] = {"latency_calls": 3}
    values["evaluation"]["gates"] = [{"metric": "text_to_image_recall_at_10", "at_least": 0.001}]
    return values


def write_config(folder: Path, data: bool = True, **changes: Any) -> Path:
    """Write a config, and if wanted its data, into a folder; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    if data and not (folder / "data").exists():
        write_small_data(folder / "data")
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(tiny_values() | changes, allow_unicode=True), encoding="utf-8")
    return file


def as_ordinary_user(command: Sequence[str]) -> list[str]:
    """The command, run by somebody whom permissions bind."""
    return [*ORDINARY, *command] if os.geteuid() == 0 else list(command)


def can_unshare(*flags: str) -> bool:
    """Whether this process may make namespaces of its own."""
    tried = subprocess.run(["unshare", *flags, "true"], capture_output=True)
    return tried.returncode == 0


def as_uid(uid: int, command: Sequence[str]) -> list[str]:
    """The command under another user id, in a mount namespace where that one may read Python."""
    place = next((p for p in reversed(Path(sys.base_prefix).parents) if _closed(p)), None)
    setup = []
    if place is not None:
        kept = "$(mktemp -d)"
        setup = [
            f"kept={kept}",
            f"mount --bind {sys.base_prefix} $kept",
            f"mount -t tmpfs -o mode=755 none {place}",
            f"mkdir -p {sys.base_prefix}",
            f"mount --move $kept {sys.base_prefix}",
            "rmdir $kept",
        ]
    who = f"setpriv --reuid {uid} --regid {uid} --clear-groups"
    return in_mounts([*setup, f"exec {who} {shlex.join(command)}"])


def in_mounts(lines: Sequence[str]) -> list[str]:
    """Shell lines in a mount namespace of their own."""
    return ["unshare", "--mount", "bash", "-c", "set -e\n" + "\n".join(lines)]


def _closed(folder: Path) -> bool:
    return not folder.stat().st_mode & 0o001


def start(
    command: Sequence[str],
    environment: Mapping[str, str | None] | None = None,
    timeout_s: float = 900,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command; a variable that is None is not set."""
    merged: dict[str, str | None] = {**os.environ, **(environment or {})}
    return subprocess.run(
        list(command),
        env={name: value for name, value in merged.items() if value is not None},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout_s,
        cwd=cwd,
    )


def last_words(ended: subprocess.CompletedProcess[str]) -> str:
    """What it said to standard error, in one line."""
    return " | ".join(ended.stderr.strip().splitlines())


def is_one_sentence(ended: subprocess.CompletedProcess[str]) -> bool:
    """Whether a command failed in one sentence and without a traceback."""
    lines = ended.stderr.strip().splitlines()
    return (
        len(lines) == 1
        and lines[0].startswith("diptych: ")
        and "Traceback" not in ended.stdout + ended.stderr
    )


def give(folder: Path, uid: int) -> None:
    """Make a tree another user's."""
    shutil.chown(folder, uid, uid)
    for path in folder.rglob("*"):
        shutil.chown(path, uid, uid)
