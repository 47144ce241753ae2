"""What others do in MLflow between promotions, on PostgreSQL and on MLflow's own server.

What serves changes only by a recorded decision, and a folder keeps its number.
"""

import uuid

import pytest

from schema.errors import InputError
from tests.support.registry.kit import (
    BOTH,
    Registry,
    actions,
    again,
    changes,
    events,
    folders,
    rebuilt,
    recorded,
    refused,
    serving,
)
from tests.support.registry.kit import two_releases as two
from tests.support.registry.mlflow_server import ADMIN, PUSHER, READER, mlflow_server
from tests.support.registry.postgres import postgres
from tests.support.releases import aliases, decided, writer

REBUILD = "diptych releases rebuild-registry"


@pytest.fixture(scope="module", params=["postgresql", "server"])
def registry(request, tmp_path_factory):
    """A database, or MLflow's server before one, with users."""
    with postgres() as database:
        uri = database.create("mlflow")
        if request.param == "postgresql":
            yield Registry(uri, uri, database)
            return
        with mlflow_server(uri, tmp_path_factory.mktemp("server"), sign_in=True) as server:
            yield Registry(server.uri(PUSHER), server.uri(ADMIN), server)


@pytest.fixture
def store(registry, tmp_path):
    return two(registry.store(tmp_path / "push", f"model-{uuid.uuid4().hex[:8]}"))


@pytest.fixture
def hands(registry):
    return registry.hands


def test_two_runs_promote_and_rollback(store, hands):
    name = store.registry.name
    assert changes(store) == [("promote", 1), ("promote", 2)]
    assert aliases(store) == {"champion": 2}
    assert store.rollback("slow") == 1
    assert aliases(store) == {"champion": 1}
    assert store.promote(2, decided(1))
    assert aliases(store) == {"champion": 2}
    version = hands.get_model_version(name, "2")
    run = hands.get_run(version.run_id)
    assert run.data.params == {"training.epochs": "7", "name": "emoji"}
    assert [f.path for f in hands.list_artifacts(run.info.run_id, "release")] == [
        "release/config.json",
        "release/release.json",
    ]
    assert store.reconcile() == []
    assert actions(store)[:3] == ["published", "registered", "promote"]


def test_a_version_that_does_not_serve_is_deleted(store, hands):
    hands.delete_model_version(store.registry.name, "1")
    [note] = store.reconcile()
    assert note.startswith("the version of release 1 was deleted in MLflow; the release cannot")
    assert (serving(store), folders(store)) == (2, BOTH)
    with pytest.raises(InputError, match="no earlier champion"):
        store.rollback()
    # A gap in MLflow's numbers is none in ours.
    assert store.publish(writer("c", 2)) == 3
    assert store.promote(3)
    assert store.rollback() == 2
    assert folders(store) == {**BOTH, 3: "c"}
    assert REBUILD in note
    store.reconcile(rebuild=True)
    assert recorded(store) == [1, 2, 3]
    assert store.promote(1, decided(2))
    assert aliases(store)["champion"] == 1


def test_the_version_that_serves_is_deleted(store, hands):
    hands.delete_model_version(store.registry.name, "2")
    refused(store, f"the version of release 2, which serves, was deleted; promote .*{REBUILD}")
    rebuilt(store)


def test_another_release_is_promoted_after_the_one_that_serves_was_deleted(store, hands):
    hands.delete_model_version(store.registry.name, "2")
    assert store.promote(1, decided(2))
    assert (serving(store), aliases(store)) == (1, {"champion": 1})
    assert store.reconcile() == []
    assert folders(store) == BOTH


def test_the_newest_version_is_deleted(store, hands):
    store.publish(writer("c", 2))
    hands.delete_model_version(store.registry.name, "3")
    assert len(store.reconcile()) == 1
    assert store.publish(writer("d", 2)) == 4
    assert store.registry.state().releases[4].version == "4"
    assert aliases(store) == {"champion": 2, "challenger": 4}
    assert folders(store) == {**BOTH, 3: "c", 4: "d"}


def test_the_model_is_deleted(store, hands):
    hands.delete_registered_model(store.registry.name)
    with pytest.raises(InputError, match="is gone: it was deleted or renamed") as caught:
        store.reconcile()
    assert REBUILD in str(caught.value)
    with pytest.raises(InputError, match=r"^release 1 serves now, but the registry was not"):
        store.promote(1, decided(2))
    assert (serving(store), changes(store)[-1]) == (1, ("promote", 1))
    with pytest.raises(InputError, match=r"^release 2 serves again, but the registry was not"):
        store.rollback()
    assert folders(store) == BOTH
    rebuilt(store)


def test_the_model_is_renamed_and_named_again(store, hands):
    name = store.registry.name
    hands.rename_registered_model(name, f"{name}-old")
    with pytest.raises(InputError, match="is gone: it was deleted or renamed"):
        store.reconcile()
    assert (serving(store), len(changes(store))) == (2, 2)
    hands.rename_registered_model(f"{name}-old", name)
    assert store.reconcile() == []
    assert aliases(store) == {"champion": 2}


def test_the_champion_is_moved_and_moved_back_after_a_rollback(store, hands):
    hands.set_registered_model_alias(store.registry.name, "champion", "1")
    assert store.reconcile() == ["release 1 was made champion in MLflow, and serves now"]
    assert (serving(store), changes(store)[-1]) == (1, ("registry_champion", 1))
    assert store.rollback() == 2
    hands.set_registered_model_alias(store.registry.name, "champion", "1")
    assert store.reconcile() == ["release 1 was made champion in MLflow, and serves now"]
    assert (serving(store), aliases(store)) == (1, {"champion": 1})


def test_the_champion_is_moved_while_it_is_changed_here(store, hands, monkeypatch):
    store.publish(writer("c", 2))

    def moved(_):
        hands.set_registered_model_alias(store.registry.name, "champion", "1")

    assert store.promote(3, switched=moved)
    assert (serving(store), aliases(store)) == (3, {"champion": 3})
    overruled = [e for e in events(store) if e.action == "overruled"]
    assert [(e.release, e.replaced) for e in overruled] == [(1, 3)]


def test_the_champion_is_a_version_that_is_not_a_release(store, hands):
    name = store.registry.name
    hands.create_model_version(name, "s3://somewhere/else")
    hands.set_registered_model_alias(name, "champion", "3")
    refused(store, f"names version 3, which is not a release, while release 2 serves.*{REBUILD}")
    [note] = rebuilt(store)
    assert note == "version 3 was made champion in MLflow; release 2, which was chosen here, stays"


def test_the_champion_is_taken_away(store, hands):
    hands.delete_registered_model_alias(store.registry.name, "champion")
    refused(store, f"was removed, while release 2 serves; set it again, or .{REBUILD}")
    rebuilt(store)


def test_the_experiment_is_deleted(store, hands):
    name = store.registry.name
    hands.delete_experiment(hands.get_experiment_by_name(name).experiment_id)
    refused(store, f"the experiment {name} was deleted in MLflow; .{REBUILD}. restores it")
    assert store.promote(1, decided(2))  # which needs none
    assert aliases(store)["champion"] == 1
    rebuilt(store, 1)


@pytest.mark.parametrize(
    ("tag", "value"), [("release", "7"), ("model_digest", "two"), ("manifest_sha256", "0" * 64)]
)
def test_a_tag_of_a_version_is_edited(store, hands, tag, value):
    hands.set_model_version_tag(store.registry.name, "2", tag, value)
    before = serving(store), changes(store)
    with pytest.raises(
        InputError, match=f"version 2, which is release 2, were edited; set .*{tag}="
    ):
        store.reconcile()
    assert (serving(store), changes(store)) == before
    rebuilt(store)


def test_the_registry_is_another_stores(store, registry, tmp_path):
    other = registry.store(tmp_path / "other", store.registry.name)
    with pytest.raises(
        InputError, match=r"its version 1 is a release 1 that .* does not have; correct"
    ):
        other.publish(writer("z"))
    with pytest.raises(InputError, match="does not have"):
        other.reconcile(rebuild=True)
    assert aliases(store) == {"champion": 2}
    assert store.reconcile() == []


def test_a_model_of_others_that_has_the_name_keeps_its_champion(registry, hands, tmp_path):
    name = f"model-{uuid.uuid4().hex[:8]}"
    hands.create_registered_model(name)
    hands.create_model_version(name, "s3://somewhere/else")
    hands.set_registered_model_alias(name, "champion", "1")
    mine = Registry(registry.admin_uri, "").store(tmp_path / "push", name)
    for attempt in (mine.reconcile, lambda: mine.reconcile(rebuild=True)):
        with pytest.raises(
            InputError, match=r"names version 1, which is not a release, while noth"
        ):
            attempt()
    assert str(hands.get_registered_model(name).aliases["champion"]) == "1"


def test_the_registry_is_rebuilt_after_a_promotion_it_was_not_told_of(store, hands):
    hands.set_model_version_tag(store.registry.name, "2", "release", "7")
    with pytest.raises(
        InputError, match=r"^release 1 serves now, but the registry was not updated \("
    ):
        store.promote(1, decided(2))
    assert rebuilt(store, 1) == []


@pytest.mark.parametrize("registry", ["server"], indirect=True)
def test_who_may_not_write_is_told_before_anything_is_trained(registry, store):
    server = registry.server
    unknown = "does not accept the user name and the password; set MLFLOW_TRACKING_USERNAME"
    for uri, words in {
        server.uri(READER): "does not let this user write; it needs the permission MANAGE",
        server.uri(PUSHER, "wrong"): unknown,
        server.address: unknown,
    }.items():
        refused(again(store, uri), words, store)
    with pytest.raises(InputError, match="serves now, but the registry was not"):
        again(store, server.uri(READER)).promote(1, decided(2))
    assert serving(store) == 1
    assert store.reconcile() == []
    assert aliases(store) == {"champion": 1}
