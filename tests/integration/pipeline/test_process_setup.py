"""What a process completes before anything asks: a user's name, a home, an encoding."""

import getpass
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.process import process_setup
from tests.support.places import DIPTYCH, UID, as_uid, can_unshare, give, start, write_config


@pytest.mark.parametrize(
    ("given", "added"),
    [
        ({"HOME": "/", "USER": "x"}, {}),
        ({"HOME": "", "USER": "x"}, {"HOME": "/nonexistent"}),
        ({"HOME": "/"}, {"LOGNAME": f"uid-{UID}"}),
        ({}, {"HOME": "/nonexistent", "LOGNAME": f"uid-{UID}"}),
    ],
)
def test_what_is_missing_is_added(monkeypatch, given, added):
    monkeypatch.setattr(os, "getuid", lambda: UID)
    environment = dict(given)
    process_setup.complete(environment)
    environment.pop("KERAS_HOME", None)
    assert environment == given | added


def test_a_user_with_an_entry_has_its_home():
    environment: dict[str, str] = {}
    process_setup.complete(environment)
    assert environment["HOME"] == os.path.expanduser(f"~{getpass.getuser()}")
    assert "LOGNAME" not in environment


def test_keras_never_falls_back_to_a_folder_that_others_share(tmp_path):
    for home, expected in ((tmp_path / "missing", f"{tmp_path}/missing/.keras"), (tmp_path, None)):
        environment = {"HOME": str(home), "USER": "x"}
        process_setup.complete(environment)
        assert environment.get("KERAS_HOME") == expected


ASCII = {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def test_names_in_any_script_work_without_a_locale(tmp_path):
    config = write_config(tmp_path / "日本", data=False)
    ended = start([str(DIPTYCH), "releases", "-c", str(config)], ASCII)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == f"no releases in {config.parent}/serving yet\n"


def test_printing_never_fails_in_an_encoding_that_lacks_a_character(tmp_path):
    config = write_config(tmp_path / "日本", data=False)
    ended = start([str(DIPTYCH), "releases", "-c", str(config)], {"PYTHONIOENCODING": "latin-1"})
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "\\u65e5\\u672c/serving" in ended.stdout


@pytest.mark.parametrize("arguments", [["--help"], ["releases", "-c"]])
def test_output_that_cannot_be_written_is_one_sentence(tmp_path, arguments):
    config = write_config(tmp_path, data=False)
    given = [*arguments, str(config)] if arguments[-1] == "-c" else arguments
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run([DIPTYCH, *given], stdout=full, stderr=subprocess.PIPE, text=True)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "cannot be written: no space left on device" in ended.stderr


@pytest.mark.skipif(
    os.geteuid() != 0 or not can_unshare("--mount"), reason="another user id needs root"
)
def test_a_user_without_name_and_home_can_use_every_library(tmp_path):
    """Their imports ask for the home folder; a whole run is in tests/e2e/places.py."""
    tmp_path.chmod(0o755)
    give(tmp_path, UID)
    code = (
        "from pipeline.process import process_setup; process_setup.prepare(); "
        "import getpass, pathlib; "
        "print(getpass.getuser(), pathlib.Path.home()); "
        "import parso, mlflow; print('imported')"
    )
    nobody = dict.fromkeys(("HOME", "USER", "LOGNAME", "LNAME", "USERNAME"))
    command = as_uid(UID, [sys.executable, "-W", "ignore", "-c", code])
    ended = start(command, {**nobody, "TMPDIR": str(tmp_path)})
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split("\n")[0] == f"uid-{UID} /nonexistent"
    assert "imported" in ended.stdout
