"""Which release a path names, and what is said of one that cannot be loaded."""

import json
import shutil

import pytest

from components.release.files import manifest, model_config_file
from components.release.files.manifest import Manifest
from diptych.client import load, sources
from schema.errors import InputError


def write_release(serving, number: int, model: bytes = b"model"):
    folder = serving / "releases" / str(number)
    (folder / "joint" / str(number)).mkdir(parents=True)
    (folder / "joint" / str(number) / "saved_model.pb").write_bytes(model)
    content = Manifest(
        release=number,
        pipeline="emoji",
        run="x",
        created=0.0,
        model_digest="d",
        baseline=None,
        gates=(),
        data={},
        config={},
        metrics={},
        curves={},
        files=manifest.digests(folder),
    )
    (folder / manifest.FILE).write_text(content.model_dump_json())
    return folder


@pytest.fixture
def serving(tmp_path):
    folder = tmp_path / "serving"
    for number in (1, 2, 10):
        write_release(folder, number)
    model_config_file.write(folder, model_config_file.text("emoji", "/models/releases", 2))
    return folder


def test_what_serves_is_what_tensorflow_serving_reads(serving):
    found = sources.find(serving)
    assert (found.folder, found.name) == (serving / "releases" / "2", "emoji release 2")
    assert found.model == serving / "releases" / "2" / "joint" / "2"


def test_a_release_by_its_own_folder(serving):
    assert sources.find(str(serving / "releases" / "10")).name == "emoji release 10"


def refused(source) -> str:
    with pytest.raises(InputError) as caught:
        load.load(source)
    return str(caught.value)


def test_a_source_that_is_not_a_release_is_a_sentence(serving, tmp_path):
    meant = "name the folder of what serves, such as runs/emoji/serving, the folder of one "
    assert refused(tmp_path / "gone").startswith(f"{tmp_path}/gone: is not there; {meant}")
    (tmp_path / "file").write_text("")
    assert refused(tmp_path / "file").startswith(f"{tmp_path}/file: is not a folder; {meant}")
    neither = "is not a release and not a serving folder"
    assert refused(tmp_path / "serving" / "releases") == f"{serving}/releases: {neither}"
    assert refused(tmp_path) == f"{tmp_path}: {neither}; did you mean {serving}?"
    model = serving / "releases" / "2" / "joint" / "2"
    assert refused(model) == f"{model}: {neither}; it is a model of the release {model.parents[1]}"
    (serving / "models.config").unlink()
    assert refused(serving) == (
        f"{serving}: {neither}; no release serves, because models.config is not there: name one of "
        f"the releases, such as {serving}/releases/10"
    )


def test_a_damaged_release_is_a_sentence(serving):
    release = serving / "releases" / "2"
    model = release / "joint" / "2" / "saved_model.pb"
    model.write_bytes(b"other")
    changed = f"{release}: the file joint/2/saved_model.pb was changed after its release"
    assert refused(serving) == changed
    model.unlink()
    assert refused(serving) == f"{model}: cannot be read: No such file or directory"
    content = json.loads((release / "release.json").read_text())
    (release / "release.json").write_text(json.dumps(content | {"files": {}}))
    assert refused(serving) == f"{release}: its manifest has no files of the model joint"
    (release / "release.json").write_text("{")
    assert refused(serving) == f"{release}/release.json: is damaged and cannot be read"
    shutil.rmtree(release)
    assert refused(serving) == (
        f"{serving}: release 2 serves by models.config, but its folder {release} is not there"
    )
    (serving / "models.config").write_text("nothing")
    assert refused(serving) == f"{serving}/models.config: names no release"


def test_a_token_is_for_a_url_only(serving):
    with pytest.raises(InputError, match="a token is only for the URL of a served model"):
        load.load(serving, token="secret")
