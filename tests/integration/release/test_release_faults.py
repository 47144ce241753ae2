"""Changes of the releases while the disk is full, read-only or somebody else's, at every step."""

import errno
import functools
import os
import shutil
import sys
from collections.abc import Callable, Iterator

import pytest

from components.release import audit_log, transaction
from components.release import store as store_module
from components.release.config import Keep
from components.release.files import model_config_file
from components.release.log_repair import repair_log
from components.release.registry.mlflow_registry import MlflowRegistry
from components.release.retention import prune
from components.release.store import ReleaseStore
from schema.errors import InputError
from tests.support.programs.killed_changes import CHANGES
from tests.support.releases import store_in, writer

FAULTS = {False: (errno.EACCES,), True: (errno.ENOSPC, errno.EROFS)}  # by whether they last


def told_nothing(*_: object, rebuild: bool = False, news: bool = False) -> list[str]:
    """Reconcile with a registry that has nothing to say."""
    return []


class Disk:
    """Fails at the n-th change of a file below a folder; `lasting`: at all after it too."""

    def __init__(self) -> None:
        self.folder, self.left, self.number, self.lasting = "", 0, errno.ENOSPC, False

    def __call__(self, name: str, arguments: tuple) -> None:
        if not self.folder or name not in CHANGES or not arguments:
            return
        path = str(arguments[0])
        if not path.startswith(self.folder) or path.endswith(("mlflow.db", "lock")):
            return
        if name == "open" and not set(str(arguments[1])) & set("wax+"):
            return
        # A full disk still lets files be removed and renamed.
        if self.number == errno.ENOSPC and name in ("os.remove", "os.rmdir", "os.rename"):
            return
        self.left -= 1
        if self.left == 0 or (self.lasting and self.left < 0):
            raise OSError(self.number, os.strerror(self.number), path)


@pytest.fixture(scope="module")
def disk() -> Iterator[Disk]:
    made = Disk()
    sys.addaudithook(made)
    yield made
    made.folder = ""


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    store = store_in(tmp_path_factory.mktemp("template") / "push")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(store_module, "reconcile_registry", told_nothing)
        for number, body in enumerate("abc", 1):
            store.publish(writer(body, number - 1 or None))
            store.promote(number)
        store.publish(writer("d", 3))
    return store.folder


def publish(store: ReleaseStore) -> None:
    store.publish(writer("e", 3))


def remove(store: ReleaseStore) -> None:
    prune(store, Keep(champions=2, refused=1))


WORK: dict[str, Callable[[ReleaseStore], object]] = {
    "publish": publish,
    "promote": lambda store: store.promote(4),
    "rollback": lambda store: store.rollback(),
    "prune": remove,
}
SERVES = {"publish": {3}, "promote": {3, 4}, "rollback": {3, 2}, "prune": {3}}
AFTER = {"publish": 3, "promote": 4, "prune": 3}


@pytest.fixture
def no_registry(monkeypatch):
    """The registry has kills and faults of its own; thousands of steps need not ask it."""
    monkeypatch.setattr(store_module, "reconcile_registry", told_nothing)
    monkeypatch.setattr(MlflowRegistry, "state", lambda _: None)


@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize("name", WORK)
def test_a_disk_that_fails_at_any_step_leaves_the_old_or_the_new(
    template, tmp_path, disk, no_registry, name, lasting
):
    for number in FAULTS[lasting]:
        for step in range(1, 200):
            store = store_in(shutil.copytree(template, tmp_path / f"{number}-{step}"))
            with store.locked():
                pass  # models.config names the folder's old place
            disk.number, disk.left, disk.lasting = number, step, lasting
            disk.folder = str(store.folder)
            sentence = ""
            try:
                WORK[name](store)
            except InputError as error:
                sentence = str(error)
            finally:
                disk.folder = ""
            assert not sentence or str(store.folder) in sentence
            assert "\n" not in sentence
            reached = disk.left <= 0
            serving = model_config_file.number(store.folder)
            assert store.champion() == serving
            assert serving in SERVES[name]
            assert store.problem(serving) is None
            with store.locked():
                pass  # the next one finishes or forgets what was begun
            assert store.log().champion == store.champion() == serving
            assert not (store.folder / transaction.FILE).exists()
            if name in AFTER:
                WORK[name](store)
                assert store.champion() == AFTER[name]
            shutil.rmtree(store.folder)
            if not reached:
                assert step > 3
                break


def test_a_rollback_that_fails_is_not_recorded_and_the_next_goes_one_back(template, tmp_path):
    store = store_in(shutil.copytree(template, tmp_path / "push"))
    store.reconcile()
    config = store.folder / model_config_file.FILE
    whole = config.read_text()
    config.unlink()
    config.mkdir()
    before = store.log().events
    with pytest.raises(InputError, match=r"models.config: cannot be"):
        store.rollback()
    assert store.log().events == before
    config.rmdir()
    config.write_text(whole)
    assert store.rollback() == 2
    assert [e.action for e in store.log().events[len(before) :]] == ["rollback"]


def test_a_models_config_changed_by_hand_is_named_and_can_be_kept(template, tmp_path):
    store = store_in(shutil.copytree(template, tmp_path / "push"))
    store.reconcile()
    store.folders.serve(1)
    with pytest.raises(InputError, match="names release 1, and the audit log says that release 3"):
        store.promote(4, forced=True, reason="drill")
    assert store.folders.serving() == 1
    assert repair_log(store) == [
        "release 1 serves according to models.config; the audit log now says so"
    ]
    assert store.champion() == 1
    store.reconcile()
    assert store.promote(4, forced=True, reason="drill")
    assert store.rollback() == 1


@pytest.mark.parametrize("damage", ["a line", "all of it", "the file"])
def test_a_damaged_log_is_repaired_from_what_serves(template, tmp_path, damage):
    store = store_in(shutil.copytree(template, tmp_path / "push"))
    store.reconcile()
    path = store.folder / audit_log.FILE
    lines = path.read_bytes().splitlines(keepends=True)
    if damage == "a line":
        path.write_bytes(b"".join([*lines[:2], b"{not JSON\n", *lines[3:]]))
    elif damage == "all of it":
        path.write_bytes(b"\0" * 100 + b"\n")
    else:
        path.unlink()
    assert store.champion() == 3
    for attempt in (functools.partial(store.promote, 4), store.rollback, store.reconcile):
        with pytest.raises(InputError, match=r"audit_log.jsonl: .*`diptych releases repair`"):
            attempt()
    repair_log(store)
    assert store.champion() == store.log().champion == 3
    assert repair_log(store) == []
    assert [store.problem(number) for number in (1, 2, 3, 4)] == [None] * 4
    assert len(list(store.folder.glob("audit_log.before-*"))) == (damage != "the file")
    if damage != "a line":  # the registry knows of changes that no log has any more
        with pytest.raises(InputError, match="rebuild-registry"):
            store.reconcile()

    store.reconcile(rebuild=True)
    assert store.promote(4, forced=True, reason="drill")
    assert store.publish(writer("e", 4)) == 5
