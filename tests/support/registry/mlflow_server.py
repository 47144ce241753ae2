"""MLflow's server over HTTP, with and without sign-in."""

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import requests

from tests.support.registry.processes import free_port, wait_until

ADMIN, PUSHER, READER = "admin", "pusher", "reader"  # users of MLflow's server
USER_PASSWORD = "password-of-the-users"
# Every user may read everything; hashing a password takes half a second, so results are kept.
AUTH = """[mlflow]
admin_username = admin
default_permission = READ
database_uri = sqlite:///{}/auth.db
auth_cache_ttl_seconds = 3600
"""


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
        wait_until(self._answers, self.process, self.folder / "log")

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
