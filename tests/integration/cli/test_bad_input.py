"""What a person sees when the data is bad: one sentence, and the last release untouched."""

import io
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from components.example_gen.records import quarantine
from components.release.config import PushConfig
from components.release.store import ReleaseStore
from diptych.cli.main import app
from diptych.cli.run import command as run
from pipeline.config import run_config
from schema.errors import RunFailedError
from tests.support.releases import writer
from tests.support.small_run import read_shard, small_values, write_shard


@pytest.fixture
def project(small_run, tmp_path) -> Path:
    """A copy of the small project's data with a release that must survive."""
    shutil.copytree(small_run.folder / "data", tmp_path / "data")
    store = store_of(tmp_path)
    store.publish(writer("good"))
    store.promote(1)
    return tmp_path


def store_of(project: Path) -> ReleaseStore:
    return ReleaseStore("small", PushConfig(path=str(project / "serving")))


def fails(
    project: Path,
    capfd: pytest.CaptureFixture[str],
    quarantined: dict[str, Any] | None = None,
    **changes,
) -> str:
    """Run, expect one failure, and return its sentence; `quarantined` gets where to look."""
    file = project / "config.yaml"
    file.write_text(yaml.safe_dump(small_values() | changes))
    with pytest.raises(RunFailedError) as caught:
        run.run(run_config.load(file))
    shown = capfd.readouterr()
    assert "Traceback" not in shown.out + shown.err
    [log] = (project / "runs" / "logs").glob("*.log")
    assert "Traceback" in log.read_text()
    store = store_of(project)
    assert store.champion() == store.folders.serving() == 1
    assert store.folders.names() == ["1"]
    assert store.problem(1) is None
    sentence = str(caught.value)
    assert "\n" not in sentence
    content = json.loads(log.with_suffix(".json").read_text())
    assert content["verdict"] == f"failed: {sentence}"
    if quarantined is not None:
        quarantined["quarantine"] = content["quarantine"]
    return sentence.replace(f"{project}/", "")


def add(project: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(project / "data" / "train-9.tar", "w") as tar:
        for name, body in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))


def test_missing_shards(project, capfd):
    (project / "data" / "eval-0.tar").unlink()
    sentence = fails(project, capfd)
    assert sentence == (
        "ImageTextExampleGen: data/eval-*.tar matches no file; data holds train-0.tar, train-1.tar"
    )


def test_missing_folder(project, capfd):
    shutil.rmtree(project / "data")
    sentence = fails(project, capfd)
    assert sentence == "ImageTextExampleGen: data: is not there"


def test_an_empty_shard(project, capfd):
    add(project, {})
    assert fails(project, capfd) == "ImageTextExampleGen: data/train-9.tar: holds no record"


def test_a_file_of_no_bytes(project, capfd):
    (project / "data" / "train-9.tar").touch()
    sentence = fails(project, capfd)
    assert sentence == (
        "ImageTextExampleGen: data/train-9.tar: the tar is damaged or cut off after the start"
    )


def test_a_tar_cut_in_half(project, capfd):
    shard = project / "data" / "train-1.tar"
    whole = shard.read_bytes()
    shard.write_bytes(whole[: len(whole) // 2])
    sentence = fails(project, capfd)
    prefix = "ImageTextExampleGen: data/train-1.tar: the tar is damaged or cut off after "
    assert sentence.startswith(prefix)
    assert sentence.removeprefix(prefix).endswith((".png", ".json"))


def test_records_that_cannot_be_used_stop_the_run_above_their_share(project, capfd):
    picture = io.BytesIO()
    Image.new("RGB", (4, 4)).save(picture, "png")
    members = {"bad/cat.png": b"I am a cat", "bad/cat.txt": b"cat", "dog.png": picture.getvalue()}
    add(project, members)
    [twice, *_] = read_shard(str(project / "data" / "eval-0.tar"))
    write_shard(project / "data" / "train-8.tar", [twice])
    bad: dict[str, Any] = {}
    values = small_values()
    values["data"]["max_quarantined"] = 0.008  # of 333: two would do
    sentence = fails(project, capfd, data=values["data"], quarantined=bad)
    assert sentence == (
        "ExampleValidator: 3 of 333 records are quarantined: 1 key_in_two_splits, 1 no_caption, "
        "1 not_an_image; data.max_quarantined allows a share of 0.008 "
        "(`diptych quarantine list` shows each)"
    )
    # They can be looked at although the run has failed.
    refused = {each.key: each for each in quarantine.read_records(bad["quarantine"])}
    assert set(refused) == {"bad/cat", "dog", twice.key}
    assert refused["bad/cat"].first_bytes == b"I am a cat"


def test_a_split_without_a_usable_record(project, capfd):
    add(project, {"cat.png": b"I am a cat", "cat.txt": b"cat"})
    (project / "data" / "eval-0.tar").unlink()
    (project / "data" / "train-9.tar").rename(project / "data" / "eval-0.tar")
    bad: dict[str, Any] = {}
    assert fails(project, capfd, quarantined=bad) == (
        "ExampleValidator: the split eval has no usable record (1 of 241 records is "
        "quarantined: 1 not_an_image; the first is data/eval-0.tar: 0 (key cat): the bytes do not "
        "begin like any image format that is read, looks like text)"
    )
    [refused] = quarantine.read_records(bad["quarantine"])
    assert (refused.split, refused.key, refused.reason) == ("eval", "cat", "not_an_image")
    shown = CliRunner().invoke(app, ["quarantine", "list", "-c", str(project / "config.yaml")])
    assert shown.exit_code == 0
    assert shown.stdout.splitlines()[1] == "1 of 241 records is quarantined"


def test_data_that_breaks_the_schema(project, capfd, monkeypatch):
    from pipeline import nodes

    stricter = nodes.CURATED.read_text().replace("max: 65535", "max: 63", 1)
    monkeypatch.setattr(nodes, "CURATED", project / "schema.pbtxt")
    (project / "schema.pbtxt").write_text(stricter)
    sentence = fails(project, capfd)
    assert sentence.startswith(
        "ExampleValidator: the data breaks the schema: split eval: image/width"
    )
    assert "split train: image/width" in sentence
    assert "64" in sentence


def test_more_in_a_batch_than_there_is(project, capfd):
    sentence = fails(project, capfd, training={"batch_size": 500})
    assert sentence == (
        "Trainer: training.batch_size = 500 is more than the 240 records of the train split; "
        "set it to at most 240"
    )
