"""Why there may be no Flink here, in one sentence each; the server itself is in test_flink."""

import stat
import zipfile

import pytest

from tests.support.flink import job_server
from tests.support.flink.job_server import VARIABLE, MissingError, find_jar


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Makes a PATH of programs that print a line and exit, and an empty `.flink`."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(job_server, "FOLDER", tmp_path / "flink")
    (tmp_path / "bin").mkdir()

    def make(**code_by_name: int) -> None:
        for name, code in code_by_name.items():
            program = tmp_path / "bin" / name
            program.write_text(f"#!/bin/sh\necho '[ERROR] no such host'\nexit {code}\n")
            program.chmod(program.stat().st_mode | stat.S_IXUSR)

    return make


def test_without_java(tools):
    with pytest.raises(MissingError, match=r"^java is not on the PATH$"):
        find_jar()


def test_without_maven(tools):
    tools(java=0)
    with pytest.raises(MissingError, match=rf"^mvn is not on the PATH and {VARIABLE} names no"):
        find_jar()


def test_without_the_network(tools):
    tools(java=0, mvn=1)
    with pytest.raises(MissingError, match=r"^mvn cannot fetch the job server: no such host$"):
        find_jar()


def test_a_jar_that_is_named(tools, tmp_path, monkeypatch):
    tools(java=0)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "server.jar"))
    with pytest.raises(MissingError, match=r"server\.jar, which is no file$"):
        find_jar()
    (tmp_path / "server.jar").touch()
    assert find_jar() == tmp_path / "server.jar"


def test_libraries_are_fetched_once_and_listed_in_the_jar(tools, tmp_path):
    tools(java=0)
    fetch = tmp_path / "bin" / "mvn"
    fetch.write_text(
        '#!/bin/sh\nPATH=/bin:/usr/bin\nout="${5#-DoutputDirectory=}"\nmkdir -p "$out"\n'
        'touch "$out/a-library-with-quite-a-long-name-1.19.jar" "$out/b.jar"\n'
        f'echo fetched >> "{tmp_path}/fetched"\n'
    )
    fetch.chmod(fetch.stat().st_mode | stat.S_IXUSR)
    jar = find_jar()
    assert find_jar() == jar
    assert (tmp_path / "fetched").read_text() == "fetched\n"
    manifest = zipfile.ZipFile(jar).read("META-INF/MANIFEST.MF").decode()
    assert max(len(line) for line in manifest.splitlines()) <= 72
    entries = manifest.replace("\r\n ", "").splitlines()
    assert "Class-Path: lib/a-library-with-quite-a-long-name-1.19.jar lib/b.jar" in entries
    assert "Main-Class: org.apache.beam.runners.flink.FlinkJobServerDriver" in entries
