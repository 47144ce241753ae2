"""ReleaseStore on real files with a real MLflow on sqlite."""

import json
import logging
import shutil

import pytest
from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from components.release import audit_log
from components.release.audit_log import SERVING
from components.release.config import PushConfig, RegistryConfig
from components.release.files import model_config_file
from components.release.files.manifest import read, verify
from components.release.gates import RefusedError
from components.release.store import ReleaseStore
from schema.errors import InputError
from tests.support.releases import aliases, decided, store_in, versions, writer

ODD = "C# x%20y what? 50% q'q\" ü"  # a folder's name that URIs and quotes must get past


def served(releases: ReleaseStore) -> dict[str, tuple[str, int]]:
    """(base path, version) by model, as TensorFlow Serving's own parser reads them."""
    text = (releases.folder / model_config_file.FILE).read_text()
    parsed = text_format.Parse(text, ModelServerConfig())
    found = {}
    for each in parsed.model_config_list.config:
        [version] = each.model_version_policy.specific.versions
        found[each.name] = (each.base_path, version)
    return found


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Three releases: 1 was champion, 2 is, 3 was refused."""
    folder = tmp_path_factory.mktemp("template") / ODD / "push"
    releases = store_in(folder)
    assert releases.publish(writer("a")) == 1
    assert releases.promote(1)
    assert releases.publish(writer("b", 1)) == 2
    assert releases.promote(2, reason="better")
    assert releases.publish(writer("c", 2, ("recall is 0.1, below 0.4",))) == 3
    return folder


@pytest.fixture
def releases(template, tmp_path) -> ReleaseStore:
    """A copy of the template with its registry, to be changed."""

    folder = tmp_path / ODD / "push"
    shutil.copytree(template, folder)
    return store_in(folder)


def test_all_that_mlflow_writes_lies_beside_the_releases(template):
    assert (template / "mlflow.db").is_file()
    kept = sorted(each.name for each in template.glob("mlflow-artifacts/*/artifacts/release/*"))
    assert kept.count("release.json") == 3
    # Neither `C` nor `x y` nor a folder with its characters encoded.
    assert [each.name for each in template.parent.parent.iterdir()] == [ODD]
    assert [each.name for each in template.parent.iterdir()] == ["push"]


def test_models_config_pins_all_three_models_to_the_champion(releases):
    releases.reconcile()  # a copied folder: its config still names the old place
    base = releases.folder / "releases" / "2"
    assert served(releases) == {
        "emoji": (f"{base}/joint", 2),
        "emoji-image-tower": (f"{base}/image_tower", 2),
        "emoji-text-tower": (f"{base}/text_tower", 2),
    }
    for path, version in served(releases).values():
        assert (releases.folder / path / str(version) / "saved_model.pb").is_file()


def test_aliases_say_who_serves_and_who_waits(releases):
    assert aliases(releases) == {"champion": 2, "challenger": 3}


def test_mlflow_shows_parameters_metrics_curves_and_files(releases):
    client = releases.registry._client
    version = client.get_model_version("emoji", "3")
    assert version.tags["gates"] == "refused"
    assert version.tags["baseline"] == "2"
    assert version.tags["data.span"] == "3"
    assert version.description == "recall is 0.1, below 0.4"
    assert version.source == f"runs:/{version.run_id}/release"
    run = client.get_run(version.run_id)
    assert run.data.params == {"training.epochs": "7", "name": "emoji"}
    assert run.data.metrics["text_to_image_recall_at_1"] == 0.5
    curve = client.get_metric_history(version.run_id, "train/loss")
    assert [(point.step, point.value) for point in curve] == [(0, 2.0), (1, 1.5)]
    assert run.info.status == "FINISHED"


def test_the_same_model_is_released_once(releases):
    assert releases.publish(writer("b", 1)) == 2
    assert not releases.promote(2, decided(1))
    assert len(releases.registry.versions(10)) == 3
    assert releases.folders.numbers() == [1, 2, 3]
    assert len(releases.registry._client.search_runs(["1"])) == 3


def test_a_refused_release_waits_and_a_person_may_force_it(releases):
    with pytest.raises(RefusedError, match=r"^recall is 0.1, below 0.4$"):
        releases.promote(3)
    assert releases.champion() == 2
    assert releases.promote(3, forced=True, reason="the gate was wrong")
    assert aliases(releases) == {"champion": 3}
    last = audit_log.read(releases.folder).events[-1]
    assert (last.action, last.release, last.replaced) == ("promote", 3, 2)
    assert (last.reason, last.forced) == ("the gate was wrong", True)


def test_a_decision_against_an_old_champion_no_longer_holds(releases):
    number = releases.publish(writer("d", 1))
    with pytest.raises(
        RefusedError, match=r"^release 4 was compared with release 1, and release 2 serves now$"
    ):
        releases.promote(number, decided(1))
    # Compared again, with the one that serves, it may.
    assert releases.promote(number, decided(2))
    assert releases.champion() == 4


def test_rollback_walks_back_through_the_champions(releases):
    releases.promote(3, forced=True)
    switched: list[int] = []
    assert releases.rollback("it answers nonsense", switched.append) == 2
    assert switched == [2]
    assert served(releases)["emoji"][1] == 2
    assert aliases(releases)["champion"] == 2
    assert releases.rollback() == 1
    assert served(releases)["emoji-text-tower"][1] == 1
    with pytest.raises(InputError, match="no earlier champion"):
        releases.rollback()
    changes = [e.action for e in audit_log.read(releases.folder).events if e.action in SERVING]
    assert changes == ["promote", "promote", "promote", "rollback", "rollback"]


def test_rollback_does_not_wait_for_the_registry(releases):
    down = store_in(releases.folder)
    down.registry.uri = "sqlite:////nowhere/at/all.db"
    with pytest.raises(InputError, match=r"^release 1 serves again, but the registry was not"):
        down.rollback()
    assert served(down)["emoji"][1] == 1
    # Whoever comes next tells the registry.
    releases.reconcile()
    assert aliases(releases)["champion"] == 1
    assert releases.champion() == 1


def test_two_rollbacks_while_the_registry_is_away_hold(releases):
    releases.promote(3, forced=True)
    down = store_in(releases.folder)
    down.registry.uri = "sqlite:////nowhere/at/all.db"
    for _ in range(2):
        with pytest.raises(InputError, match="serves again, but the registry"):
            down.rollback()
    assert served(down)["emoji"][1] == 1
    assert aliases(releases)["champion"] == 3
    releases.reconcile()
    assert aliases(releases)["champion"] == 1
    assert served(releases)["emoji"][1] == 1


def test_a_champion_set_in_mlflow_itself_is_followed(releases):
    releases.registry.set_alias("champion", "1")
    notes = releases.reconcile()
    assert notes == ["release 1 was made champion in MLflow, and serves now"]
    assert served(releases)["emoji"][1] == 1
    last = audit_log.read(releases.folder).events[-1]
    assert (last.action, last.release, last.replaced) == ("registry_champion", 1, 2)
    assert releases.rollback() == 2


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda p: p.write_bytes(b"\0" + p.read_bytes()[1:]), "was changed after its release"),
        (lambda p: p.unlink(), "is missing"),
    ],
)
def test_a_damaged_release_never_becomes_champion(releases, damage, words):
    damage(releases.folders.model(1, "text_tower") / "variables" / "variables.index")
    name = "text_tower/1/variables/variables.index"
    for attempt in (
        lambda: releases.promote(1, forced=True),
        releases.rollback,
    ):
        with pytest.raises(InputError, match=f"the file {name} {words}"):
            attempt()
    assert releases.champion() == 2
    assert served(releases)["emoji"][1] == 2


def test_a_manifest_changed_together_with_a_file_is_noticed(releases):
    path = releases.folders.path(1) / "release.json"
    content = json.loads(path.read_text())
    content["metrics"]["text_to_image_recall_at_1"] = 0.99
    path.write_text(json.dumps(content))
    verify(releases.folders.path(1))  # by itself it agrees
    with pytest.raises(InputError, match=r"release.json: differs from what the audit log recorded"):
        releases.promote(1, forced=True)


def test_a_release_deleted_by_hand_is_written_again(releases):

    shutil.rmtree(releases.folders.path(2))
    assert releases.publish(writer("b", 1)) == 2
    assert read(releases.folders.path(2)).run == "run-b"
    assert not releases.promote(2)
    # What is checked from now on are the files that were written again.
    assert releases.problem(2) is None
    releases.promote(3, forced=True)
    assert releases.rollback() == 2


def test_there_is_no_release_9(releases):
    with pytest.raises(InputError, match=r"^there is no release 9 in "):
        releases.promote(9)


def test_a_registry_that_cannot_be_opened_is_one_sentence(tmp_path):
    registry = RegistryConfig(uri="nonsense://x")
    releases = ReleaseStore("emoji", PushConfig(path=str(tmp_path)), registry)
    with pytest.raises(InputError, match=r"^registry nonsense://x: is not an address that MLflow"):
        releases.publish(writer("a"))


def test_a_version_made_by_somebody_else_leaves_the_numbers_alone(releases):
    client = releases.registry._client
    client.create_model_version("emoji", "elsewhere")  # takes MLflow's number 4
    assert releases.publish(writer("d", 2)) == 4
    assert releases.folders.numbers() == [1, 2, 3, 4]
    assert (releases.folders.model(4, "joint") / "saved_model.pb").read_text() == "joint d"
    assert aliases(releases)["challenger"] == 4
    assert versions(releases)[4] == "5"


def test_nothing_is_said_on_the_terminal(tmp_path, capfd):
    logging.getLogger().handlers = [
        h for h in logging.getLogger().handlers if not isinstance(h, logging.StreamHandler)
    ]
    store_in(tmp_path).publish(writer("a"))
    assert capfd.readouterr() == ("", "")
