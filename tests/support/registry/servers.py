"""Registries as teams run them: PostgreSQL, and MLflow's server over HTTP with and without sign-in.

Each server is started once a module; a test has a model name, and where it must, a database of its
own. Where Debian's postgresql is not installed the tests are skipped.
"""

import contextlib
import dataclasses
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import requests

ADMIN, PUSHER, READER = "admin", "pusher", "reader"  # users of MLflow's server
USER_PASSWORD = "password-of-the-users"
SUPERUSER, PASSWORD = "diptych", "password of the database"
# Every user may read everything; hashing a password takes half a second, so results are kept.
AUTH = """[mlflow]
admin_username = admin
default_permission = READ
database_uri = sqlite:///{}/auth.db
auth_cache_ttl_seconds = 3600
"""
SECONDS = 120  # for a server to start on a loaded machine


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclasses.dataclass
class Postgres:
    """A database cluster in a folder of its own."""

    programs: Path
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        arguments = ["-D", f"{self.folder}/data", "-p", f"{self.port}", "-k", f"{self.folder}"]
        quick = ["fsync=off", "full_page_writes=off", "listen_addresses=127.0.0.1"]
        options = [each for setting in quick for each in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", *arguments, *options],
                stdout=log,
                stderr=log,
                user=_unprivileged(),
                start_new_session=True,
            )
        _wait(self._accepts, self.process, self.folder / "log")

    def kill(self) -> None:
        """Kill the server and its workers at once."""
        assert self.process is not None
        _signal(self.process, self._workers(), signal.SIGKILL)
        self.process.wait()
        (self.folder / "data" / "postmaster.pid").unlink(missing_ok=True)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        assert self.process is not None
        workers = self._workers()
        _signal(self.process, workers, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal(self.process, [*workers, *self._workers()], signal.SIGCONT)

    def uri(self, database: str, password: str = PASSWORD) -> str:
        quoted = password.replace(" ", "%20")
        return f"postgresql://{SUPERUSER}:{quoted}@127.0.0.1:{self.port}/{database}"

    def create(self, database: str, template: str = "template1") -> str:
        self.run("createdb", "-T", template, database)
        return self.uri(database)

    def drop(self, database: str) -> None:
        self.run("dropdb", "--force", database)

    def run(self, program: str, *arguments: str | Path) -> str:
        """Run one of PostgreSQL's own programs."""
        environment = {**os.environ, "PGPASSWORD": PASSWORD}
        place = ["-h", "127.0.0.1", "-p", str(self.port), "-U", SUPERUSER]
        done = subprocess.run(
            [self.programs / program, *place, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _accepts(self) -> bool:
        try:
            self.run("psql", "-d", "postgres", "-c", "select 1")
        except AssertionError:
            return False
        return True

    def _workers(self) -> list[int]:
        assert self.process is not None
        return _children(self.process.pid)


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """Start PostgreSQL, as another user where this process is root; skip where it is missing."""
    programs = _postgres_programs()
    if programs is None:
        pytest.skip("Debian's package postgresql is not installed")
    user = _unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="diptych-postgres-"))
    server = Postgres(programs, folder, free_port())
    try:
        secret = folder / "password"
        secret.write_text(PASSWORD)
        if user is not None:
            shutil.chown(folder, user)
            shutil.chown(secret, user)
        sign_in = ["-U", SUPERUSER, f"--pwfile={secret}", "--auth=scram-sha-256", "--no-sync"]
        made = subprocess.run(
            [programs / "initdb", "-D", folder / "data", "-E", "UTF8", "--locale=C", *sign_in],
            user=user,
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
        )
        assert made.returncode == 0, made.stderr
        server.start()
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()
        shutil.rmtree(folder, ignore_errors=True)


@dataclasses.dataclass
class MlflowServer:
    """MLflow's own server, with one worker."""

    backend: str
    folder: Path
    port: int
    sign_in: bool = False
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def uri(self, user: str, password: str = USER_PASSWORD) -> str:
        return f"http://{user}:{password}@127.0.0.1:{self.port}" if self.sign_in else self.address

    def add_users(self) -> None:
        """Add one who may write what is theirs, and one who is never given a right to write."""
        for user in (PUSHER, READER):
            said = requests.post(
                f"{self.address}/api/2.0/mlflow/users/create",
                json={"username": user, "password": USER_PASSWORD},
                auth=(ADMIN, USER_PASSWORD),
                timeout=60,
            )
            assert said.status_code == 200, said.text

    def start(self) -> None:
        environment = {
            **os.environ,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_AUTH_CONFIG_PATH": str(self.folder / "auth.ini"),
            "MLFLOW_FLASK_SERVER_SECRET_KEY": "of a test",
            "MLFLOW_AUTH_ADMIN_PASSWORD": USER_PASSWORD,
        }
        (self.folder / "auth.ini").write_text(AUTH.format(self.folder))
        command = [sys.executable, "-m", "mlflow", "server", "--workers", "1"]
        command += ["--backend-store-uri", self.backend, "--port", str(self.port)]
        command += ["--artifacts-destination", str(self.folder / "artifacts")]
        command += ["--app-name", "basic-auth"] if self.sign_in else []
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                env=environment,
                cwd=self.folder,
                start_new_session=True,
            )
        _wait(self._answers, self.process, self.folder / "log")

    def kill(self) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.process.pid, signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@contextlib.contextmanager
def mlflow_server(backend: str, folder: Path, sign_in: bool = False) -> Iterator[MlflowServer]:
    server = MlflowServer(backend, folder, free_port(), sign_in)
    try:
        server.start()
        if sign_in:
            server.add_users()
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()


def _postgres_programs() -> Path | None:
    """The folder of `initdb`, which Debian keeps out of PATH; the newest version's."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    found = shutil.which("initdb")
    folders += [Path(found).resolve().parent] if found else []
    return folders[-1] if folders else None


def _unprivileged() -> str | None:
    """Whom PostgreSQL, which refuses root, runs as; None: as whoever runs the tests."""
    return "postgres" if os.getuid() == 0 else None


def _children(parent: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True)
    return [int(pid) for pid in listed.stdout.split()]


def _signal(
    process: subprocess.Popen[bytes], children: Sequence[int], what: signal.Signals
) -> None:
    for pid in (process.pid, *children):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, what)


def _wait(ready: object, process: subprocess.Popen[bytes], log: Path) -> None:
    assert callable(ready)
    until = time.monotonic() + SECONDS
    while not ready():
        assert process.poll() is None, log.read_text()[-2000:]
        assert time.monotonic() < until, f"no answer: {log.read_text()[-2000:]}"
        time.sleep(0.2)
