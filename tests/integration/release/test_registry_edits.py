"""The registry changed or lost by other hands, with MLflow on sqlite."""

import shutil

import pytest

from components.release.config import Keep
from components.release.gates import RefusedError
from components.release.registry.mlflow_registry import ARTIFACTS
from components.release.retention import prune
from schema.errors import InputError, UnavailableError
from tests.support.releases import aliases, decided, store_in, versions, writer


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Releases 1 and 2 were champions, 3 is, 4 waits."""
    store = store_in(tmp_path_factory.mktemp("template") / "push")
    for number, body in enumerate("abc", 1):
        store.publish(writer(body, number - 1 or None))
        store.promote(number)
    store.publish(writer("d", 3))
    return store.folder


@pytest.fixture
def store(template, tmp_path):
    store = store_in(shutil.copytree(template, tmp_path / "push"))
    assert store.reconcile() == []
    return store


def actions(store) -> list[str]:
    return [each.action for each in store.log().events]


def test_a_deleted_version_is_no_way_back_and_no_number_moves(store):
    client = store.registry._client
    client.delete_model_version("emoji", "2")
    [note] = store.reconcile()
    assert note.startswith("the version of release 2 was deleted in MLflow; the release cannot")
    assert store.champion() == 3
    with pytest.raises(InputError, match=r"^release 2 was deleted in MLflow; .*rebuild-registry"):
        store.promote(2, forced=True, reason="drill")
    assert store.publish(writer("e", 3)) == 5
    assert store.promote(5)
    assert store.folders.numbers() == [1, 2, 3, 4, 5]
    assert store.rollback() == 3
    assert store.rollback() == 1  # not 2
    notes = store.reconcile(rebuild=True)
    assert "release 2 is registered again" in notes
    assert store.promote(2, forced=True, reason="drill")
    assert aliases(store)["champion"] == 2
    assert versions(store)[2] == "6"


def test_the_newest_versions_deleted_leave_a_gap_that_harms_nobody(store):
    client = store.registry._client
    client.delete_model_version("emoji", "4")
    client.delete_model_version("emoji", "1")
    assert len(store.reconcile()) == 2
    assert store.publish(writer("e", 3)) == 5
    assert store.promote(5)
    assert aliases(store) == {"champion": 5}


def test_the_version_that_serves_cannot_go_without_a_word(store):
    store.registry._client.delete_model_version("emoji", "3")
    with pytest.raises(InputError, match=r"the version of release 3, which serves, was deleted;"):
        store.reconcile()
    assert store.champion() == store.folders.serving() == 3
    store.reconcile(rebuild=True)
    assert aliases(store) == {"champion": 3, "challenger": 4}
    # Or another release takes over.
    store.registry._client.delete_model_version("emoji", versions(store)[3])
    assert store.promote(4)
    assert aliases(store) == {"champion": 4}


@pytest.mark.parametrize("how", ["deleted", "renamed", "database gone"])
def test_a_registry_that_forgot_stops_the_run_and_is_built_again(store, how):
    client = store.registry._client
    if how == "deleted":
        client.delete_registered_model("emoji")
    elif how == "renamed":
        client.rename_registered_model("emoji", "other")
    else:
        moved = store.folder.with_name("moved")  # this process keeps a file open that it knows
        store = store_in(shutil.copytree(store.folder, moved))
        (moved / "mlflow.db").unlink()
    sentence = r"the model emoji is gone: it was deleted or renamed, .*rebuild-registry"
    with pytest.raises(InputError, match=sentence):
        store.reconcile()
    # Not even a push gets past it, and none is promoted without its comparison.
    with pytest.raises(InputError, match=sentence):
        store.publish(writer("e", None))
    with pytest.raises(RefusedError, match="was compared with nothing, and release 3 serves now"):
        store.promote(5, decided(None))
    assert store.champion() == store.folders.serving() == 3
    store.reconcile(rebuild=True)
    assert aliases(store) == {"champion": 3, "challenger": 5}
    assert sorted(versions(store)) == [1, 2, 3, 4, 5]
    assert store.reconcile() == []


def test_a_registry_restored_from_yesterday_catches_up(store):
    kept = (store.folder / "mlflow.db").read_bytes()
    store.publish(writer("e", 3))
    store.promote(5)
    (store.folder / "mlflow.db").write_bytes(kept)
    later = store_in(store.folder)
    assert later.reconcile() == []
    assert later.champion() == 5
    assert aliases(later)["champion"] == 5
    assert sorted(versions(later)) == [1, 2, 3, 4, 5]
    with pytest.raises(RefusedError, match="was compared with release 3, and release 5 serves now"):
        later.promote(4)


def test_a_champion_set_in_mlflow_after_a_rollback_is_taken_over(store):
    assert store.rollback() == 2
    store.registry.set_alias("champion", "4")
    assert store.reconcile() == ["release 4 was made champion in MLflow, and serves now"]
    assert store.champion() == store.folders.serving() == 4
    last = store.log().events[-1]
    assert (last.action, last.release, last.replaced) == ("registry_champion", 4, 2)
    assert store.rollback() == 2


def test_a_promotion_that_was_told_by_half_does_not_undo_a_rollback(store, monkeypatch):
    def away(*_):
        raise UnavailableError("registry: does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(store.registry, "set_last_event", away)
        with pytest.raises(UnavailableError, match="release 4 serves now, but the registry was"):
            store.promote(4)
    assert aliases(store)["champion"] == 4
    assert store.rollback() == 3
    assert store.champion() == store.folders.serving() == aliases(store)["champion"] == 3
    assert [e.action for e in store.log().events[-2:]] == ["promote", "rollback"]


def test_where_both_have_changed_the_command_stands_and_says_so(store):
    store.registry.set_alias("champion", "1")
    store.rollback()
    assert store.champion() == store.folders.serving() == 2
    assert aliases(store)["champion"] == 2
    overruled = store.log().events[-1]
    assert (overruled.action, overruled.release, overruled.replaced) == ("overruled", 1, 2)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda r: r.delete_alias("champion"), "champion of emoji was removed, while release 3"),
        (
            lambda r: (
                r._client.create_model_version("emoji", "elsewhere"),
                r.set_alias("champion", "5"),
            ),
            "names version 5, which is not a release, while release 3 serves; set it to the",
        ),
        (
            lambda r: r.tag("2", "release", "9"),
            "the tags of its version 2, which is release 2, were edited; set release=2 again",
        ),
    ],
)
def test_what_nobody_can_follow_is_refused_and_serving_stays(store, edit, words):
    edit(store.registry)
    with pytest.raises(InputError, match=words):
        store.reconcile()
    assert store.champion() == store.folders.serving() == 3


def test_a_damaged_release_set_in_mlflow_does_not_serve(store):
    (store.folders.model(1, "joint") / "saved_model.pb").write_text("x")
    store.registry.set_alias("champion", "1")
    with pytest.raises(InputError, match=r"names release 1, while release 3 serves: .*was changed"):
        store.reconcile()
    assert store.folders.serving() == 3


def test_a_deleted_experiment_is_named_with_the_way_back(store):
    client = store.registry._client
    experiment = client.get_experiment_by_name("emoji").experiment_id
    client.delete_experiment(experiment)
    with pytest.raises(InputError, match=r"emoji was deleted in MLflow; .*rebuild-registry"):
        store.reconcile()
    store.reconcile(rebuild=True)
    assert store.publish(writer("e", 3)) == 5


def test_the_registry_of_other_releases_is_refused(store, tmp_path):
    other = store_in(tmp_path / "other")
    other.registry.uri = store.registry.uri
    with pytest.raises(InputError, match=r"its version . is a release . that .*other does not"):
        other.publish(writer("z"))
    assert aliases(store) == {"champion": 3, "challenger": 4}


def test_old_releases_go_and_the_way_back_stays(store):
    for number, body in enumerate("efgh", 5):
        store.publish(writer(body, 3, ("no",) if number < 8 else ()))
    store.registry.set_alias("audit", "5")
    state = store.registry.state()
    assert state is not None
    runs = {number: each.run_id or "" for number, each in state.releases.items()}
    # 1, 2 and 3 served, 4 to 8 never did; 5 has an alias of somebody's own.
    assert prune(store, Keep(champions=2, refused=2)) == [1, 4, 6]
    assert store.folders.numbers() == [2, 3, 5, 7, 8]
    assert sorted(versions(store)) == [2, 3, 5, 7, 8]
    # A later release's run was logged where the template lies.
    files = {number: store.folder / ARTIFACTS / runs[number] for number in (1, 2, 3, 4)}
    assert [number for number, folder in files.items() if folder.exists()] == [2, 3]
    assert prune(store, Keep(champions=2, refused=2)) == []
    assert store.rollback() == 2
    with pytest.raises(InputError, match="no earlier champion"):
        store.rollback()
    assert store.publish(writer("a", 2)) == 9  # removed for good: a new number
