"""What is wrong with a file or a disk, in one sentence, whichever library noticed it."""

import errno
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from schema.errors import UnavailableError
from schema.system import disk, file_errors
from tests.support.places import as_ordinary_user


def sentence_about(action, *arguments) -> str | None:
    try:
        action(*arguments)
    except BaseException as error:
        return file_errors.sentence(error)
    raise AssertionError("nothing was raised")


def test_what_is_in_the_way_is_named(tmp_path):
    file, loop, nowhere = tmp_path / "file", tmp_path / "loop", tmp_path / "nowhere"
    file.touch()
    loop.symlink_to("loop")
    nowhere.symlink_to("/not/there")
    long = tmp_path / ("n" * 300)
    missing = "{}: cannot be used: the folder {above} is not there"
    no_folder = "{}: cannot be used: {above} is a file where a folder is expected"
    for action, path, expected in (
        (Path.read_text, tmp_path / "x", "{}: is not there"),
        (Path.read_text, tmp_path / "x" / "y", missing),
        (Path.read_text, tmp_path, "{}: is a folder where a file is expected"),
        (Path.read_text, file / "x", no_folder),
        (Path.mkdir, file / "x", no_folder),
        (Path.read_text, nowhere, "{}: is a link to /not/there, which is not there"),
        (Path.read_text, loop, "{}: its links lead round in a circle"),
        (Path.resolve, loop, "{}: its links lead round in a circle"),
        (os.listdir, file, "{}: cannot be used: {} is a file where a folder is expected"),
    ):
        assert sentence_about(action, path) == expected.format(path, path, above=path.parent)
    said = sentence_about(Path.read_text, long)
    assert said is not None
    assert said.endswith("nnn: the name is too long for the file system")
    assert len(said) < 260


DENIED = """
import os, sys
from pathlib import Path
from schema.system import file_errors
def say(action, *arguments):
    try:
        action(*arguments)
    except OSError as error:
        print(file_errors.sentence(error))
here = Path(sys.argv[1])
say(Path.read_text, here / "secret")
say(Path.write_text, here / "fixed", "x")
say(Path.write_text, here / "closed" / "new", "x")
say(Path.read_text, here / "hidden" / "file")
say(os.listdir, here / "hidden")
"""


@pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None,
    reason="root ignores permissions, and setpriv, which lays that aside, is not installed",
)
def test_the_missing_permission_is_named(tmp_path):
    (tmp_path / "secret").touch(mode=0)
    (tmp_path / "fixed").touch(mode=0o444)
    (tmp_path / "closed").mkdir(mode=0o555)
    (tmp_path / "hidden").mkdir(mode=0)
    command = as_ordinary_user([sys.executable, "-c", DENIED, str(tmp_path)])
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    user = f"this user (uid {os.geteuid()})"
    assert told.splitlines() == [
        f"{tmp_path}/secret: cannot be read: {user} may not read it; change its permissions",
        f"{tmp_path}/fixed: cannot be written: {user} may not write it; change its permissions",
        f"{tmp_path}/closed/new: cannot be written: {user} may not write into the folder "
        f"{tmp_path}/closed",
        f"{tmp_path}/hidden/file: cannot be used: {user} may not enter the folder "
        f"{tmp_path}/hidden",
        f"{tmp_path}/hidden: cannot be read: {user} may not read it; change its permissions",
    ]


FULL = "No space left on device"


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, FULL, "{}"),
        # as Beam raises it again, and from another process
        RuntimeError("OSError: [Errno 28] " + FULL + ": '{}' [while running 'Write']"),
        RuntimeError("Traceback (most recent call last):\n  ...\n[Errno 28] " + FULL + ": '{}'\n"),
        # as TensorFlow does
        RuntimeError("{}; " + FULL + " [Op:SaveV2]"),
        RuntimeError("{{{{function_node}}}} {}; " + FULL),
    ],
)
def test_a_full_disk_is_recognised_in_any_words(tmp_path, error):
    path = str(tmp_path / "x")
    kind, words = type(error), [a.format(path) if isinstance(a, str) else a for a in error.args]
    raised = kind(*words, path) if kind is OSError else kind(*words)
    found = disk.space(tmp_path)
    said = file_errors.sentence(raised)
    assert said is not None
    assert said.startswith(
        f"{path}: cannot be written: the space of the disk {found.mount} is used up (now "
    )
    assert said.endswith("are free); free some there, and start the same command again")
    assert file_errors.is_about_space(raised)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, FULL),
        RuntimeError(f"Failed to append: {FULL}"),
        sqlite3.OperationalError("database or disk is full"),
    ],
)
def test_where_no_file_is_named_it_is_the_fullest_disk_that_is_written_to(tmp_path, error):
    assert file_errors.sentence(error) == (
        "the output or a file cannot be written: no space left on device"
    )
    with disk.written({"workspace": tmp_path}):
        said = file_errors.sentence(error)
    assert said is not None
    assert said.startswith(f"the space of the disk {disk.mount_point(tmp_path)} is used up (")


def test_a_full_disk_is_the_reason_of_what_came_after(tmp_path):
    def fail(cause: OSError) -> None:
        try:
            raise cause
        except OSError:
            raise KeyError("x")  # noqa: B904  a mistake while the first error was handled

    assert sentence_about(fail, OSError(errno.ENOSPC, FULL)) is not None
    # Any other file that was missed along the way need not have anything to do with it.
    assert sentence_about(fail, FileNotFoundError(errno.ENOENT, "no", str(tmp_path))) is None


@pytest.mark.parametrize(
    "error", [ValueError("x"), KeyError("No such file"), ConnectionResetError(104, "reset")]
)
def test_other_errors_are_none_of_a_file(error):
    assert file_errors.sentence(error) is None


def test_a_limit_on_files_is_named(tmp_path):
    def write() -> None:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        try:
            (tmp_path / "x").write_bytes(bytes(2000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert sentence_about(write) == (
        "a file would be larger than this process may make one; raise the limit (ulimit -f)"
    )


def test_what_shares_a_disk_must_fit_together(tmp_path):
    free = disk.space(tmp_path).free
    a, b = tmp_path / "a" / "not there yet", tmp_path / "b"
    disk.require([disk.Need(a, 1, "x"), disk.Need(b, 1, "y")])
    with pytest.raises(UnavailableError) as caught:
        disk.require([disk.Need(a, free * 2 // 3, "x"), disk.Need(b, free * 2 // 3, "y")])
    mount, part = disk.mount_point(tmp_path), disk.in_bytes(free * 2 // 3)
    said = str(caught.value)
    assert said.startswith(f"the disk {mount} is too full: ")
    assert f" are needed: {part} for x in {a} and {part} for y in {b}; " in said


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MB and 50 files."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=50", "none", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting a file system is not permitted")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_disk_of_its_own_that_fills_up(small_disk):
    assert disk.mount_point(small_disk) == small_disk
    said = sentence_about((small_disk / "x").write_bytes, bytes(2_000_000))
    assert said == "the output or a file cannot be written: no space left on device"
    with disk.written({"workspace": small_disk / "runs"}):
        said = sentence_about((small_disk / "x").write_bytes, bytes(2_000_000))
    assert said == (
        f"the space of the disk {small_disk} is used up (now 0.0 MB of 1.0 MB are free, and "
        "48 more files can be made (inodes)); free some there, and start the same command again"
    )


def test_a_disk_without_inodes(small_disk):
    def fill() -> None:
        for n in range(100):
            (small_disk / str(n)).touch()

    said = sentence_about(fill)
    assert said is not None
    assert "1.0 MB of 1.0 MB are free, and 0 more files can be made (inodes)" in said
    with pytest.raises(UnavailableError, match="0 more files can be made"):
        disk.require([disk.Need(small_disk, 1, "x")])


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [("missing", "there is no such folder"), ("file", "there is no such folder")],
)
def test_a_folder_of_temporary_files_that_cannot_be_used(tmp_path, monkeypatch, wanted, reason):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TMPDIR", str(tmp_path / wanted))
    monkeypatch.setattr("tempfile.tempdir", None)
    with pytest.raises(UnavailableError) as caught:
        disk.temporary()
    assert str(caught.value) == (
        f"TMPDIR = {tmp_path}/{wanted}: {reason}; set the variable TMPDIR to another folder"
    )
