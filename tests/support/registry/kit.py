"""Stores on real registries, and the hands of others in those registries."""

import dataclasses
from pathlib import Path
from typing import Any

import mlflow
import pytest

from components.release import audit_log
from components.release.audit_log import SERVING
from components.release.config import PushConfig, RegistryConfig
from components.release.files import model_config_file
from components.release.store import ReleaseStore
from schema.errors import InputError
from tests.support.releases import aliases, decided, writer


@dataclasses.dataclass
class Registry:
    """A registry: its address as diptych has it, and as an administrator has it."""

    uri: str
    admin_uri: str
    server: Any = None  # an MlflowServer or a Postgres
    proxied: Any = None

    @property
    def hands(self) -> "mlflow.MlflowClient":
        """Somebody else's client."""
        return mlflow.MlflowClient(self.admin_uri, self.admin_uri)

    def store(self, folder: Path, name: str, uri: str | None = None) -> ReleaseStore:
        config = RegistryConfig(uri=uri or self.uri)
        return ReleaseStore(name, PushConfig(path=str(folder)), config)


def two_releases(store: ReleaseStore) -> ReleaseStore:
    """Two runs: release 1 was champion, release 2 is."""
    assert store.publish(writer("a")) == 1
    assert store.promote(1)
    assert store.publish(writer("b", 1)) == 2
    assert store.promote(2)
    return store


def again(store: ReleaseStore, uri: str | None = None) -> ReleaseStore:
    """Another process's view of the store: nothing is connected yet."""
    there = uri or store.registry.uri
    return Registry(there, there).store(store.folder, store.registry.name)


def serving(store: ReleaseStore) -> int | None:
    """The release that models.config names."""
    return model_config_file.number(store.folder)


def changes(store: ReleaseStore) -> list[tuple[str, int | None]]:
    """Every recorded change of what serves."""
    return [(e.action, e.release) for e in events(store) if e.action in SERVING]


def events(store: ReleaseStore) -> list[Any]:
    return list(audit_log.read(store.folder).events)


def actions(store: ReleaseStore) -> list[str]:
    return [each.action for each in events(store)]


def folders(store: ReleaseStore) -> dict[int, str]:
    """Which model lies under which number."""
    found = {}
    for number in store.folders.numbers():
        text = (store.folders.model(number, "joint") / "saved_model.pb").read_text()
        found[number] = text.removeprefix("joint ")
    return found


BOTH = {1: "a", 2: "b"}


def recorded(store: ReleaseStore) -> list[int]:
    """Every release that the registry has."""
    state = store.registry.state()
    return sorted(state.releases) if state else []


def refused(store: ReleaseStore, words: str, seen: ReleaseStore | None = None) -> None:
    """A run ends before it trains, in a sentence, and nothing has changed.

    `seen` is the same store for one who may read the registry.
    """
    seen = seen or store
    before = serving(seen), changes(seen), aliases(seen), folders(seen)
    with pytest.raises(InputError, match=words):
        store.reconcile()
    assert (serving(seen), changes(seen), aliases(seen), folders(seen)) == before


def rebuilt(store: ReleaseStore, champion: int = 2) -> list[str]:
    """`rebuild-registry` is the cure that it is said to be: the next run and promotion work."""
    notes = store.reconcile(rebuild=True)
    assert store.reconcile() == []
    assert serving(store) == champion
    assert aliases(store)["champion"] == champion
    assert store.publish(writer("next", champion)) == 1 + max(BOTH)
    assert store.promote(1 + max(BOTH), decided(champion))
    assert folders(store) == {**BOTH, 3: "next"}
    return notes
