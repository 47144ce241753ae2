"""A release that was changed after it was made never serves, and is shown as damaged."""

import shutil

import pytest
from typer.testing import CliRunner

from components.release.files import manifest, model_config_file
from diptych.cli import releases
from diptych.cli.main import app
from schema.errors import InputError
from tests.support.releases import store_in, writer
from tests.support.tampering_cases import CASES, COPIES


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Release 1 was champion, 2 is, and 3 may become it."""
    store = store_in(tmp_path_factory.mktemp("template") / "push")
    store.publish(writer("a"))
    store.promote(1)
    store.publish(writer("b", 1))
    store.promote(2)
    store.publish(writer("c", 2))
    shutil.copytree(store.folders.releases, store.folder / COPIES)
    return store.folder


@pytest.fixture
def store(template, tmp_path):
    store = store_in(shutil.copytree(template, tmp_path / "push"))
    store.reconcile()
    return store


@pytest.mark.parametrize("name", CASES)
def test_a_changed_release_is_neither_promoted_nor_returned_to(store, name):
    for number in (1, 3):
        CASES[name](store.folders.path(number), number)
    for attempt in (
        lambda: store.promote(3),
        lambda: store.promote(3, forced=True, reason="drill"),
        store.rollback,
    ):
        with pytest.raises(InputError) as error:
            attempt()
        assert str(store.folders.releases) in str(error.value)
    assert store.champion() == model_config_file.number(store.folder) == 2


def test_the_manifest_names_every_file_where_it_lies(store):
    content = manifest.read(store.folders.path(2))
    assert content.release == 2
    assert "joint/2/saved_model.pb" in content.files
    assert content.empty_folders == ("joint/2/assets",)


def test_the_copies_themselves_are_whole(store):
    """What the cases replace files by differs in nothing but that it is a link."""
    for number in (1, 2, 3):
        shutil.rmtree(store.folders.path(number))
        shutil.copytree(store.folder / COPIES / str(number), store.folders.path(number))
        assert store.problem(number) is None


def test_the_table_names_what_is_damaged_and_lists_the_rest(store, tmp_path, monkeypatch):
    CASES["a higher version added"](store.folders.path(1), 1)
    CASES["the manifest removed"](store.folders.path(3), 3)
    (store.folders.releases / "notes").mkdir()
    monkeypatch.setattr(releases, "_open", lambda _: store)
    monkeypatch.setattr("pipeline.config.run_config.load", lambda *_: None)
    done = CliRunner().invoke(app, ["releases"])
    assert done.exit_code == 0, done.output
    rows = {
        line.split()[0]: line for line in done.output.splitlines() if line[:2].strip().isdigit()
    }
    assert {number: "damaged" in row for number, row in rows.items()} == {
        "1": True,
        "2": False,
        "3": True,
    }
    said = " ".join(done.output.split())
    release = store.folders.releases
    assert f"{release}/1: the file joint/9/" in said
    assert f"{release}/3: is not a release; release.json is missing" in said
    assert f"{release}/notes: is not a release" in said


def test_a_foreign_or_damaged_folder_blocks_nothing(store):
    (store.folders.releases / "4").mkdir()
    (store.folders.releases / "08").mkdir()
    CASES["the release replaced by a file"](store.folders.path(1), 1)
    assert store.promote(3)
    assert store.publish(writer("d", 3)) == 5  # 4 is taken, whoever made it
    assert store.promote(5)
    assert store.rollback() == 3


def test_a_damaged_release_is_written_again_when_its_model_comes_again(store):
    CASES["a byte of the weights changed"](store.folders.path(3), 3)
    assert store.publish(writer("c", 2)) == 3
    assert store.problem(3) is None
    assert store.promote(3)
    assert [e.action for e in store.log().events if e.release == 3] == [
        "published",
        "restored",
        "promote",
    ]
