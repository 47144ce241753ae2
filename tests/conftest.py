"""What all tests share: markers by folder, the order of the files, the small run."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what runs in its background so; tests that interrupt a child would hang.
    signal.signal(signal.SIGINT, signal.default_int_handler)

from schema.text import secrets
from tests.support.small_run import SmallRun, shared_data, shared_run
from tests.support.warm_python import WarmPython

# The same examples in every run, and no limit of time a case: the machine may be busy.
hypothesis.settings.register_profile(
    "repeatable", derandomize=True, deadline=None, max_examples=60, database=None
)
hypothesis.settings.load_profile("repeatable")

TESTS = Path(__file__).parent


# In the order in which they start. The second has its own pipeline: while the first makes the small
# run, it does not wait for it.
SLOW_FILES = (
    "components/test_champion.py",
    "kubeflow/test_dry_run_pipeline.py",
    "ingest/test_ingest.py",
    "pipeline/test_extending.py",
    "pipeline/test_pretrained_run.py",
    "trainer/test_several_workers.py",
    "pipeline/test_flink.py",
    "cli/test_bad_input.py",
    "release/test_registry_servers.py",
    "serving/test_broken_exports.py",
    "components/test_evaluator.py",
    "trainer/test_resume.py",
    "release/test_release_crashes.py",
    "release/test_registry_faults.py",
    "pipeline/test_beam_bounds.py",
    "ingest/test_bad_records.py",
    "trainer/test_tuning_resume.py",
    "trainer/test_given_vocabulary.py",
    "cli/test_evaluate.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test by its folder, and let the slowest files start first.

    The workers take whole files, in this order: a long one at the end would have the others wait.
    """
    places = {TESTS / "integration" / name: place for place, name in enumerate(SLOW_FILES)}
    assert all(file.exists() for file in places), "SLOW_FILES names a file that is not there"
    for item in items:
        item.add_marker(item.path.relative_to(TESTS).parts[0])
        if item.path in places:
            item.add_marker("slow")
    last = len(places)
    items.sort(key=lambda i: (places.get(i.path, last), "integration" not in i.keywords))


@pytest.fixture(autouse=True)
def _known_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test remember secrets that are not hidden in the texts of the next one."""
    monkeypatch.setattr(secrets, "_remembered", set(secrets._remembered))


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all workers of this session see."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def small_data(shared_folder: Path) -> Path:
    """A folder with two train shards and one eval shard of real emoji.

    All whole runs of the tests are below it, and so show that such a name can be worked with.
    """
    return shared_data(shared_folder / "C# x%20y")


@pytest.fixture(scope="session")
def small_run(small_data: Path) -> SmallRun:
    """The pipeline run twice on the small data."""
    return shared_run(small_data.parent)


@pytest.fixture(scope="module")
def warm_python(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WarmPython]:
    """Programs start with the modules that the test file lists as WARM_MODULES imported."""
    server = WarmPython(tmp_path_factory.mktemp("warm"), request.module.WARM_MODULES)
    yield server
    server.close()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A config, a compiled package and a Kubeflow Pipelines of its own."""
    from tests.support.kfp.desk import desk_at
    from tests.support.kfp.server import serve

    with serve() as server:
        yield desk_at(tmp_path, server, monkeypatch)
