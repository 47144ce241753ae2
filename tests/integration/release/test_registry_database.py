"""A registry in PostgreSQL that is down, stops, is wiped or is restored from yesterday."""

import fcntl
import socket
import time
import uuid
from pathlib import Path

import pytest

from components.release.registry import mlflow_registry
from components.release.registry.mlflow_registry import MlflowRegistry
from schema.errors import InputError, UnavailableError
from tests.support.registry.kit import BOTH, Registry, again, changes, folders, recorded, serving
from tests.support.registry.kit import two_releases as two
from tests.support.registry.postgres import postgres
from tests.support.registry.processes import free_port
from tests.support.releases import aliases, decided, writer


@pytest.fixture(scope="module")
def database():
    with postgres() as started:
        started.create("mlflow")
        yield started


@pytest.fixture
def store(database, tmp_path):
    uri = database.uri("mlflow")
    return two(Registry(uri, uri).store(tmp_path / "push", f"model-{uuid.uuid4().hex[:8]}"))


def seconds(work, words):
    """How long it takes until the sentence comes."""
    started = time.monotonic()
    with pytest.raises(UnavailableError, match=words):
        work()
    return time.monotonic() - started


def test_a_database_refuses_or_is_not_there(database, tmp_path):
    refused = {
        database.uri("mlflow", "wrong"): "password authentication failed for user",
        database.uri("nowhere"): 'database "nowhere" does not exist',
        f"postgresql://a:b@127.0.0.1:{free_port()}/x": "does not answer: Connection refused",
    }
    for uri, words in refused.items():
        store = Registry(uri, uri).store(tmp_path / "push", "refused")
        assert seconds(store.reconcile, words) < 10
    assert not (tmp_path / "push" / "releases").exists()


@pytest.mark.parametrize("scheme", ["http", "postgresql"])
def test_a_server_that_never_answers_costs_ten_seconds(scheme, tmp_path):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(5)
        uri = f"{scheme}://a:b@127.0.0.1:{silent.getsockname()[1]}/x"
        store = Registry(uri, uri).store(tmp_path / "push", "silent")
        assert seconds(store.reconcile, "timed out|timeout") < 10


def _promotion_stopped(store, database, way, stopped_at):
    """Stop the server at the next call of a promotion; False if there was none any more."""
    calls: list[str] = []
    real, call, other = MlflowRegistry._call, len(stopped_at), 3 - (serving(store) or 0)

    def ask(self, method, *arguments, **named):
        calls.append(method)
        if len(calls) != call + 1:
            return real(self, method, *arguments, **named)
        if way == "killed":
            database.kill()
            return real(self, method, *arguments, **named)
        with database.frozen():
            return real(self, method, *arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MlflowRegistry, "_call", ask)
        try:
            again(store).promote(other, decided(3 - other))
            return False
        except UnavailableError as error:
            sentence = str(error)
        finally:
            if database.process.poll() is not None:
                database.start()
    assert sentence.startswith(f"release {other} serves now, but the registry was not updated (")
    assert serving(store) == other
    stopped_at.append(calls[-1])
    return True


@pytest.mark.parametrize("way", ["killed", "frozen"])
def test_the_database_stops_at_each_call_of_a_promotion(database, store, monkeypatch, way):
    monkeypatch.setattr(mlflow_registry, "SECONDS", 2 if way == "frozen" else 10)
    stopped_at: list[str] = []
    while _promotion_stopped(store, database, way, stopped_at):
        assert again(store).reconcile() == []
        assert aliases(again(store)) == {"champion": serving(store)}
    assert {"set_registered_model_alias", "set_registered_model_tag"} <= set(stopped_at)
    assert folders(store) == BOTH


def test_the_database_is_restored_from_yesterday(store, database, tmp_path):
    dump = tmp_path / "dump"
    database.run("pg_dump", "-Fc", "-f", dump, "mlflow")
    store.publish(writer("c", 2))
    store.promote(3)
    store.rollback()
    store.promote(3, forced=True)
    database.drop("mlflow")
    database.create("mlflow")
    database.run("pg_restore", "-d", "mlflow", dump)
    assert aliases(again(store)) == {"champion": 2}
    restored = again(store)
    assert restored.reconcile() == []
    assert (serving(store), aliases(restored)) == (3, {"champion": 3})
    assert changes(store)[-1] == ("promote", 3)
    assert recorded(restored) == [1, 2, 3]


def test_the_database_was_made_anew_or_is_another_one(store, database):
    empty = again(store, database.create("empty"))
    name = store.registry.name
    with pytest.raises(
        InputError, match=f"the model {name} is gone: it was deleted or renamed, or"
    ):
        empty.reconcile()
    # What serves is not forgotten: a release that was compared with nothing is not promoted.
    with pytest.raises(InputError, match="release 1 was compared with nothing, and release 2 serv"):
        empty.promote(1)
    assert (serving(store), changes(store)) == (2, [("promote", 1), ("promote", 2)])
    # Either way back: the right address, or the registry recorded there anew.
    assert again(store).reconcile() == []
    assert empty.reconcile(rebuild=True) == []
    assert aliases(empty) == {"champion": 2}
    assert empty.reconcile() == []
    assert folders(store) == BOTH


def test_no_lock_of_the_store_is_held_while_mlflow_is_imported(store, monkeypatch):
    served = []

    def load(self):
        with Path(store.folder, ".lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises if it is held
        served.append(serving(store))

    store.registry.model()
    monkeypatch.setattr(MlflowRegistry, "load", load)
    store.promote(1, decided(2))
    store.rollback()
    assert served == [1, 2]
