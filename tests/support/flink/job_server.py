"""Beam's Flink job server with a Flink inside: found or put together, started, stopped.

The jar is the one that BEAM_FLINK_JOB_SERVER_JAR names. Without that, Maven fetches the published
libraries of `pom.xml` into `.flink/`, once, and a jar that only lists them stands for them.
"""

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

VARIABLE = "BEAM_FLINK_JOB_SERVER_JAR"
POM = Path(__file__).with_name("pom.xml")
FOLDER = POM.parents[2] / ".flink"
FETCHED, JAR = "pom.xml", "job-server.jar"  # FETCHED: what the libraries in the folder are of
FETCH_SECONDS, START_SECONDS, STOP_SECONDS = 420, 60, 10
MAIN = "org.apache.beam.runners.flink.FlinkJobServerDriver"
# Flink's serializers reach into these, which Java 17 refuses unless it is told otherwise.
OPENED = [
    *("java.io", "java.lang", "java.lang.reflect", "java.net", "java.nio", "java.text"),
    *("java.time", "java.util", "java.util.concurrent", "java.util.concurrent.atomic"),
    *("java.util.concurrent.locks", "sun.nio.ch"),
]


class MissingError(Exception):
    """No job server can be had here; the message is one sentence."""


def find_jar() -> Path:
    """The job server's jar; fetched on the first call.

    Raises:
        MissingError: Java, Maven, the network or the file that the variable names is missing.
    """
    if not shutil.which("java"):
        raise MissingError("java is not on the PATH")
    named = os.environ.get(VARIABLE)
    if named:
        if not Path(named).is_file():
            raise MissingError(f"{VARIABLE} names {named}, which is no file")
        return Path(named)
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs may want it at once
        told = FOLDER / FETCHED
        if not told.is_file() or told.read_bytes() != POM.read_bytes():
            _fetch(FOLDER / "lib")
            _bind(FOLDER / JAR, FOLDER / "lib")
            shutil.copy(POM, told)  # last: from here on the folder is complete
    return FOLDER / JAR


def _fetch(libraries: Path) -> None:
    maven = shutil.which("mvn")
    if not maven:
        raise MissingError(f"mvn is not on the PATH and {VARIABLE} names no job server's jar")
    shutil.rmtree(libraries, ignore_errors=True)
    command = [maven, "--batch-mode", "--quiet", f"--file={POM}", "dependency:copy-dependencies"]
    command.append(f"-DoutputDirectory={libraries}")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise MissingError(f"mvn did not end within {FETCH_SECONDS} s") from error
    if done.returncode:
        errors = [line for line in done.stdout.splitlines() if line.startswith("[ERROR]")]
        reason = (errors or [f"exit code {done.returncode}"])[0].removeprefix("[ERROR] ")
        raise MissingError(f"mvn cannot fetch the job server: {reason[:300]}")


def _bind(jar: Path, libraries: Path) -> None:
    """Write a jar that holds nothing but the list of the others."""
    entries = {
        "Manifest-Version": "1.0",
        "Main-Class": MAIN,
        "Class-Path": " ".join(f"lib/{each.name}" for each in sorted(libraries.glob("*.jar"))),
        "Add-Opens": " ".join(f"java.base/{package}" for package in OPENED),
    }
    with zipfile.ZipFile(jar, "w") as file:
        text = "".join(f"{_folded(f'{key}: {value}')}\r\n" for key, value in entries.items())
        file.writestr("META-INF/MANIFEST.MF", text)


def _folded(line: str) -> str:
    # A line of a manifest has at most 72 bytes; one that starts with a space continues the last.
    return "\r\n ".join(line[at : at + 70] for at in range(0, len(line), 70))


@contextlib.contextmanager
def job_server(jar: Path, folder: Path) -> Iterator[str]:
    """Run the job server meanwhile.

    Args:
        jar: of `find_jar`.
        folder: where its log and its staged files go; made if it is not there.

    Yields:
        Its address, host:port; a job sent there runs on a Flink started for that job.

    Raises:
        RuntimeError: it did not come up; the message has the end of its log.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "job-server.log"
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = ["java", "-Xmx2g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
    command += ["-Dorg.slf4j.simpleLogger.showDateTime=true", f"-Djava.io.tmpdir={folder}"]
    command += [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED]
    command += ["-jar", str(jar), "--flink-master=[local]", "--job-host=localhost"]
    command += [f"--job-port={port}", "--artifact-port=0", "--expansion-port=0"]
    command += [f"--artifacts-dir={folder / 'staged'}"]
    with log.open("w") as written, tempfile.TemporaryDirectory() as here:
        process = subprocess.Popen(command, stdout=written, stderr=subprocess.STDOUT, cwd=here)
        try:
            _wait(process, port, log)
            yield f"localhost:{port}"
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("localhost", port), 1):
            return
        time.sleep(0.2)
    raise RuntimeError(f"the job server did not start: {log.read_text()[-600:]}")
