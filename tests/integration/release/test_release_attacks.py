"""Logs, models.config and folders as other hands leave them: each has a sentence and a way back."""

import json
import os
import shutil

import pytest
from typer.testing import CliRunner

from components.release import audit_log, transaction
from components.release.audit_log import champions, new_event
from components.release.config import Keep, PushConfig
from components.release.files import manifest, model_config_file
from components.release.log_repair import repair_log
from components.release.retention import prune
from components.release.store import ReleaseStore
from diptych.cli.main import app
from schema.errors import InputError, UnavailableError
from tests.support.paths import EMOJI
from tests.support.releases import store_in, writer

RECONCILE = "components.release.store.reconcile_registry"


@pytest.fixture(autouse=True)
def no_registry(monkeypatch):
    monkeypatch.setattr(RECONCILE, lambda *_, **__: [])
    monkeypatch.setattr(
        "components.release.registry.mlflow_registry.MlflowRegistry.state", lambda _: None
    )


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Release 1 was champion, 2 is, and 3 may become it."""
    store = store_in(tmp_path_factory.mktemp("template") / "push")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(RECONCILE, lambda *_, **__: [])
        store.publish(writer("a"))
        store.promote(1)
        store.publish(writer("b", 1))
        store.promote(2)
        store.publish(writer("c", 2))
    return store.folder


@pytest.fixture
def store(template, tmp_path):
    return store_in(shutil.copytree(template, tmp_path / "push"))


def name_in_models_config(store: ReleaseStore, number: int) -> None:
    path = store.folder / model_config_file.FILE
    path.write_text(path.read_text().replace("versions: 2 ", f"versions: {number} "))


def refused(store: ReleaseStore, words: str) -> None:
    for attempt in (lambda: store.promote(3), store.rollback):
        with pytest.raises(InputError, match=words):
            attempt()
    assert any(words in each for each in store.problems())


def test_a_store_that_serves_another_pipeline_is_left_alone(store):
    served = (store.folder / model_config_file.FILE).read_bytes()
    other = ReleaseStore("other", PushConfig(path=str(store.folder)))
    refused(other, "serves the models of emoji, and this config is named other")
    with pytest.raises(InputError, match=r"its own push\.path"):
        other.publish(writer("d", 2))
    assert (store.folder / model_config_file.FILE).read_bytes() == served
    # What the sentence says for a pipeline that was renamed.
    (store.folder / model_config_file.FILE).unlink()
    assert other.promote(3)


def test_nothing_is_promoted_uncompared_because_a_log_was_emptied(store):
    (store.folder / audit_log.FILE).write_bytes(b"")
    (store.folder / model_config_file.FILE).unlink()
    with pytest.raises(InputError, match="is empty, although there are releases"):
        store.publish(writer("d", None))
    repair_log(store)
    assert sorted(store.log().manifests()) == [1, 2, 3]


def test_an_empty_log_beside_foreign_folders_is_repaired_once(tmp_path):
    store = store_in(tmp_path / "push")
    (store.folders.releases / "7").mkdir(parents=True)
    assert "nothing serves; the audit log now says so" in repair_log(store)
    before = sorted(store.folder.iterdir())
    assert [each.partition(": ")[0] for each in repair_log(store)] == ["left out"]
    assert sorted(store.folder.iterdir()) == before
    assert store.publish(writer("a")) == 1


def test_a_foreign_folder_does_not_stop_a_repair(store):
    (store.folder / audit_log.FILE).unlink()
    (store.folders.releases / "7").mkdir()
    (store.folders.releases / "8").write_text("x")
    os.mkfifo(store.folders.releases / "9")
    (store.folders.releases / "10").mkdir()
    os.mkfifo(store.folders.releases / "10" / manifest.FILE)
    assert sum(note.startswith("left out: ") for note in repair_log(store)) == 4
    assert store.log().champion == 2
    assert store.promote(3)


def test_numbers_follow_the_log_and_not_a_foreign_folder(store):
    for name in ("999999999", "20261126", "4"):
        (store.folders.releases / name).mkdir()
    assert store.publish(writer("d", 2)) == 5
    assert store.publish(writer("e", 2)) == 6


@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_models_config_that_names_what_cannot_serve_has_a_way_back(store, damage):
    number = 99 if damage == "gone" else 3
    name_in_models_config(store, number)
    (store.folders.path(3) / "config.json").write_text("{}")
    refused(store, f"names release {number}, and the audit log says that release 2 serves")
    with pytest.raises(InputError, match=r"delete models\.config and repair again: then release 2"):
        repair_log(store)
    (store.folder / model_config_file.FILE).unlink()
    assert repair_log(store) == [
        "release 2 serves according to the audit log; models.config now says so"
    ]
    assert store.folders.serving() == store.log().champion == 2


def test_a_damaged_log_is_repaired_although_the_champion_is_damaged_too(store):
    path = store.folder / audit_log.FILE
    path.write_bytes(b"garbage\n" + path.read_bytes())
    (store.folders.path(2) / "config.json").write_text("{}")
    assert repair_log(store) == [f"{path}: line 1 is damaged"]
    assert store.promote(3)


def test_pipes_in_the_place_of_files_keep_nobody_waiting(store):
    os.mkfifo(store.folder / transaction.FILE)
    assert store.promote(3)
    for name in (model_config_file.FILE, audit_log.FILE):
        (store.folder / name).unlink()
        os.mkfifo(store.folder / name)
        with pytest.raises(InputError, match=f"{name}: cannot be read: is not a plain file"):
            store.rollback()


@pytest.mark.parametrize("values", [{"time": 1e300}, {"time": -1e18}, {"release": 10**25}])
def test_impossible_figures_in_the_log_are_damage(store, values):
    path = store.folder / audit_log.FILE
    line = json.loads(path.read_text().splitlines()[-1]) | {"id": "0" * 16} | values
    path.write_text(path.read_text() + json.dumps(line) + "\n")
    refused(store, "line 6 is damaged")
    repair_log(store)
    assert store.promote(3)
    # An intention with such a figure was not written here.
    (store.folder / transaction.FILE).write_text(json.dumps(line | {"action": "published"}))
    assert store.rollback() == 2


def test_a_damaged_champion_does_not_keep_old_releases_from_being_removed(store):
    store.publish(writer("d", 2))
    (store.folders.path(2) / manifest.FILE).unlink()
    assert prune(store, Keep(champions=2, refused=1)) == [3]


def test_a_pruned_release_that_a_person_brings_back_stays(store, tmp_path):
    kept = shutil.copytree(store.folders.path(3), tmp_path / "backup")
    store.publish(writer("d", 2))
    assert prune(store, Keep(champions=2, refused=1)) == [3]
    shutil.copytree(kept, store.folders.path(3))
    with pytest.raises(InputError, match="`diptych releases repair` records it"):
        store.promote(3)
    repair_log(store)
    assert store.promote(3)


def test_a_rollback_passes_over_what_was_deleted_and_finds_it_registered_again():
    first = [new_event("promote", n) for n in (1, 2, 3, 2)]
    gone = [*first, new_event("deregistered", 3)]
    assert champions(gone) == [1, 2]  # 3 lies between 2 and 2
    assert champions([*gone, new_event("rollback", 1)]) == [1]
    assert champions([*gone, new_event("registered", 3)]) == [1, 2, 3, 2]


def test_only_a_registry_that_is_away_is_told_by_the_next_run(store, monkeypatch):
    for error, later in ((InputError("deleted"), False), (UnavailableError("away"), True)):

        def fail(*_: object, error: InputError = error, **__: object) -> list[str]:
            raise error

        monkeypatch.setattr(RECONCILE, fail)
        with pytest.raises(InputError) as told:
            store.promote(2)
        assert ("the next run or promotion updates it" in str(told.value)) is later


def test_the_commands_say_what_is_gone_or_damaged(store):
    text = EMOJI.read_text().replace("../../runs/emoji/serving", "push")
    (store.folder.parent / "config.yaml").write_text(text)

    def said(*command: str) -> str:
        done = CliRunner().invoke(app, [*command, "-c", str(store.folder.parent / "config.yaml")])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.output

    push = store.folder.rename(store.folder.parent / "elsewhere")
    for command in (["promote", "3"], ["rollback"], ["releases", "repair"]):
        assert "holds no releases; see push.path" in said(*command)
    assert not store.folder.exists()
    push.rename(store.folder)
    shutil.rmtree(store.folders.path(2))
    assert "release 2 serves, and its files are gone" in said("releases")
    assert "its files are gone" in said("why", "2")
    path = store.folders.path(3) / manifest.FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | {"metrics": {"mrr": 1}}))
    assert "its manifest is damaged" in said("why", "3")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"created": 1e300}))
    assert "is damaged and cannot be read" in said("why", "3")
    assert "there is no release" in said("promote", "9" * 300)
    assert "cannot be read: File name too long" in said("evaluate", "9" * 300, ".")
