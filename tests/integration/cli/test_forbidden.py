"""What may not be read or written is one sentence; all commands and obstacles: tests/e2e."""

import json
import os
import shutil
import sys

import pytest

from tests.support.places import DIPTYCH, as_ordinary_user, is_one_sentence, start, write_config

pytestmark = pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None,
    reason="root ignores permissions, and setpriv, which lays that aside, is not installed",
)


READ = "cannot be read: {user} may not read it; change its permissions"
WRITE = "cannot be written: {user} may not write into the folder {path}"


@pytest.mark.parametrize(
    ("command", "path", "mode", "code", "reason"),
    [
        ("why", "config.yaml", 0, 2, ""),
        ("why", "runs/logs", 0, 1, READ),
        ("why", "runs/logs/a.json", 0, 1, READ),
        ("quarantine list", "runs/logs", 0, 1, READ),
        ("releases", "serving/releases", 0, 1, "cannot be read: Permission denied"),
        ("run", "runs/logs", 0o555, 1, WRITE),
        ("kubeflow check", "runs/logs", 0o555, 1, WRITE),
    ],
)
def test_a_permission_that_is_missing(tmp_path, command, path, mode, code, reason):
    config = write_config(tmp_path, data=False)
    for name in ("runs/logs/a.json", "serving/releases/1/release.json"):
        file = tmp_path / name
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps({}))
    (tmp_path / path).chmod(mode)
    option = [] if command in ("run", "kubeflow check") else ["--config"]
    words = [str(DIPTYCH), *command.split(), *option, str(config)]
    ended = start(as_ordinary_user(words))
    (tmp_path / path).chmod(0o755)
    assert ended.returncode == code
    assert is_one_sentence(ended), ended.stderr
    user = f"this user (uid {os.geteuid()})"
    assert ended.stderr.startswith(f"diptych: {tmp_path}/{path}")
    assert ended.stderr.endswith(reason.format(user=user, path=tmp_path / path) + "\n")


def test_a_file_for_measurements_is_tried_before_anything_is_measured(tmp_path):
    config = write_config(tmp_path, data=False)
    kept, folder = tmp_path / "kept.json", tmp_path / "missing"
    kept.write_text("{}")
    for output, reason in (
        (folder / "x", f"cannot be used: the folder {folder} is not there"),
        (tmp_path, "is a folder where a file is expected"),
    ):
        words = ["evaluate", "1", "data", "-c", str(config), "--output", str(output)]
        ended = start([str(DIPTYCH), *words])
        assert (ended.returncode, ended.stderr) == (1, f"diptych: {output}: {reason}\n")
    for output in (kept, tmp_path / "new.json"):
        words = ["evaluate", "1", "data", "-c", str(config), "--output", str(output)]
        ended = start([str(DIPTYCH), *words])
        assert "there is no release 1" in ended.stderr
    assert kept.read_text() == "{}"
    assert not (tmp_path / "new.json").exists()


LISTED = """
import sys
from components.example_gen.storage import listing
from schema.errors import InputError
for pattern in sys.argv[2:]:
    try:
        print(len(listing.glob(sys.argv[1], pattern)))
    except InputError as error:
        print(error)
"""


def test_a_folder_of_data_that_may_not_be_listed_is_not_passed_over(tmp_path):
    for name in ("a/x/1.tar", "b/x/2.tar", "lost+found/x/3.tar", "other/4.txt"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    closed = [tmp_path / name for name in ("b", "lost+found")]
    for folder in closed:
        folder.chmod(0)
    patterns = ("*/x/*.tar", "**/*.tar", "a/x/*.tar", "[ao]*/*/1.tar", "b/x/*.tar")
    command = [sys.executable, "-c", LISTED, str(tmp_path), *patterns]
    told = start(as_ordinary_user(command))
    for folder in closed:
        folder.chmod(0o755)
    refused = f"{tmp_path}/b: access is refused"
    assert told.stdout.splitlines() == [refused, refused, "1", "1", "0"], told.stderr
