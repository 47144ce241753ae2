"""A PostgreSQL of the tests, in a folder of its own.

Where Debian's package postgresql is not installed, the tests that need it are skipped.
"""

import contextlib
import dataclasses
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.registry.processes import free_port, wait_until

SUPERUSER, PASSWORD = "diptych", "password of the database"


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
        wait_until(self._accepts, self.process, self.folder / "log")

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
