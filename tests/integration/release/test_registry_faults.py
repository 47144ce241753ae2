"""MLflow's server refuses, hangs, or breaks the connection; serving does not wait for it."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from schema.errors import InputError, UnavailableError
from tests.support.registry.kit import Registry, actions, again, recorded, serving
from tests.support.registry.kit import two_releases as two
from tests.support.registry.mlflow_server import mlflow_server
from tests.support.registry.proxy import proxy
from tests.support.releases import aliases, decided, writer

NOT_UPDATED = (
    r"^release {} serves now, but the registry was not updated \(registry {}:? .*\); the next run"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    with mlflow_server(f"sqlite:///{folder}/mlflow.db", folder) as started:
        yield started


@pytest.fixture
def http(server, monkeypatch):
    """MLflow's server behind a proxy; MLflow tries once only, which saves seconds."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with proxy(server.address) as started:
        yield Registry(started.uri, server.address, server, started)


@pytest.fixture
def proxied(http, tmp_path):
    return two(http.store(tmp_path / "push", f"model-{uuid.uuid4().hex[:8]}"))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("502", "answers with the error 502"),
        ("404", "answers, but not as MLflow does; either registry.uri names something else, or"),
        ("page", "answers, but not as MLflow does; either registry.uri names something else, or"),
        ("close", "does not answer: Remote end closed connection without response"),
    ],
)
def test_a_proxy_answers_for_the_registry(http, proxied, fault, words):
    http.proxied.fail(fault)
    with pytest.raises(InputError, match=f"^registry {http.uri}: {words}"):
        again(proxied).reconcile()
    with pytest.raises(InputError, match=NOT_UPDATED.format(1, http.uri)):
        again(proxied).promote(1, decided(2))
    assert serving(proxied) == 1
    http.proxied.fail(None)
    assert again(proxied).reconcile() == []
    assert aliases(proxied) == {"champion": 1}


def _of_run(store, number, before):
    """Release a model as Pusher does; return the sentence if that failed."""
    try:
        assert store.publish(writer(f"m{number}", before)) == number
        store.promote(number, decided(before))
    except InputError as error:
        return str(error)
    return None


@pytest.mark.parametrize(("fault", "after"), [("close", 0), ("late close", 2)])
def test_the_connection_breaks_in_a_run(http, proxied, fault, after):
    number, broken = 3, True
    while broken:
        http.proxied.fail(fault, after)
        store, before = again(proxied), serving(proxied)
        sentence = _of_run(store, number, before)
        http.proxied.fail(None)
        broken = sentence is not None
        if broken:
            assert f"registry {http.uri}: " in sentence
            assert serving(store) in (before, number)
            # The run again: the same model, under the same number.
            assert _of_run(again(store), number, before) is None
        assert (serving(store), aliases(store)) == (number, {"champion": number})
        number, after = number + 1, after + 7
    assert store.reconcile() == []
    assert recorded(store) == store.folders.numbers()
    assert actions(store).count("promote") == number - 1


def test_a_rollback_does_not_wait_for_a_process_that_waits_for_the_registry(http, proxied):
    http.proxied.fail("hang")
    still_waits = []
    with ThreadPoolExecutor(1) as pool:
        # A lock of the kernel's on a file that is opened again: as good as another process.
        waiting = pool.submit(again(proxied).reconcile)
        while not http.proxied.requests:
            time.sleep(0.01)

        def switched(_):
            still_waits.append(not waiting.done())
            http.proxied.released.set()

        with pytest.raises(UnavailableError, match="serves again, but the registry was not"):
            again(proxied).rollback(switched=switched)
        with pytest.raises(UnavailableError, match="does not answer"):
            waiting.result()
    assert still_waits == [True]
    assert serving(proxied) == 1
