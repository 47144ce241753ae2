"""The image built for real, on a base made here, and its entrypoint run in it.

Ten minutes and 10 GB, so only where it is asked for: `make image-check`. It needs root, buildah,
debootstrap, and the package indexes of Debian and Python.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from importlib.metadata import version

import pytest

from components.nodes import NODES
from pipeline.code_digest import node_digest
from tests.support.paths import ROOT

ASKED = "DIPTYCH_BUILD_IMAGE"
BASE, IMAGE = "localhost/diptych-test-base:local", "localhost/diptych-test:local"
IN_BASE = "python3,python3-venv,python3-distutils,libpython3.11-dev,ca-certificates"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"  # this machine's may know a proxy's

missing = [tool for tool in ("buildah", "debootstrap") if shutil.which(tool) is None]
pytestmark = [
    pytest.mark.skipif(not os.environ.get(ASKED), reason=f"{ASKED} is not set: it takes minutes"),
    pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}"),
    pytest.mark.skipif(os.geteuid() != 0, reason="building without a daemon needs root"),
]


def buildah(*arguments: str) -> str:
    done = subprocess.run(["buildah", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout.strip()


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Iterator[str]:
    """Debian with Python 3.11 and nothing else, from Debian's own packages."""
    root = tmp_path_factory.mktemp("base") / "root"
    made = ["debootstrap", "--variant=minbase", f"--include={IN_BASE}", "bookworm", str(root)]
    subprocess.run(made, check=True, capture_output=True)
    shutil.copy(CERTIFICATES, root / CERTIFICATES[1:])
    container = buildah("from", "scratch")
    buildah("add", "--quiet", container, str(root), "/")
    shutil.rmtree(root)
    for variable in ("PIP_CERT", "SSL_CERT_FILE"):
        buildah("config", "--env", f"{variable}={CERTIFICATES}", container)
    buildah("commit", "--quiet", "--rm", container, BASE)
    yield BASE
    buildah("rmi", BASE)


@pytest.fixture(scope="module")
def container(base) -> Iterator[str]:
    """A container of the built image."""
    buildah(
        "bud", "--isolation", "chroot", "--build-arg", f"BASE={base}",
        "--file", "kubeflow/Dockerfile", "--tag", IMAGE, str(ROOT),
    )  # fmt: skip
    container = buildah("from", IMAGE)
    yield container
    buildah("rm", container)
    buildah("rmi", IMAGE)


def run(container: str, *command: str) -> str:
    return buildah("run", "--isolation", "chroot", container, "--", *command)


def test_the_entrypoint_answers_as_a_user_without_rights(container):
    said = run(container, "python", "-m", "kubeflow.entrypoint", "--version")
    assert said == f"diptych {version('diptych')} entrypoint"
    assert run(container, "id", "-u") == "10001"
    written = "for f in /x /opt/code/x /opt/packages/x $HOME/x; do touch $f && echo $f; done; true"
    assert run(container, "sh", "-c", written) == "/tmp/x"


def test_a_pod_can_import_all_of_it_and_runs_the_code_it_was_built_from(container):
    program = (
        "import tensorflow_text, trainer.run, mlflow, kfp\n"
        "from components.nodes import NODES\n"
        "from pipeline import create_pipeline\n"
        "from pipeline.code_digest import node_digest\n"
        "print(*map(node_digest, NODES))"
    )
    here = " ".join(map(node_digest, NODES))
    assert run(container, "python", "-c", program).splitlines()[-1] == here


def test_the_image_serves_beam_workers_and_the_command_line_too(container):
    pool = run(container, "python", "-m", "apache_beam.runners.worker.worker_pool_main", "--help")
    assert "--service_port" in pool
    answer = run(container, "sh", "-c", "diptych-beam-worker --help 2>&1")
    assert "--provision_endpoint" in answer
    assert "rollback" in run(container, "diptych", "--help")
