"""What a person sees when the data is bad: one sentence, and the last release untouched."""

import io
import json
import shutil
import tarfile
from pathlib import Path

import pytest
import yaml
from PIL import Image

from components.example_gen.webdataset import read_shard
from pipeline import config, run_locally
from pipeline.session import RunFailedError
from tests.conftest import small_values, write_shard

SERVED = ("models.config", "releases/1/joint/1/saved_model.pb")


@pytest.fixture
def project(small_run, tmp_path) -> Path:
    """A copy of the small project's data with a release that must survive."""
    shutil.copytree(small_run.folder / "data", tmp_path / "data")
    for name in SERVED:
        path = tmp_path / "serving" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"good")
    return tmp_path


def fails(project: Path, capfd: pytest.CaptureFixture[str], **changes) -> str:
    """Run, expect one failure, and return its sentence."""
    file = project / "config.yaml"
    file.write_text(yaml.safe_dump(small_values() | changes))
    with pytest.raises(RunFailedError) as caught:
        run_locally.run(config.load(file))
    shown = capfd.readouterr()
    assert "Traceback" not in shown.out + shown.err
    [log] = (project / "runs" / "logs").glob("*.log")
    assert "Traceback" in log.read_text()
    serving = project / "serving"
    files = {str(p.relative_to(serving)): p for p in serving.rglob("*") if p.is_file()}
    assert sorted(files) == sorted(SERVED)
    assert all(path.read_bytes() == b"good" for path in files.values())
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert json.loads(log.with_suffix(".json").read_text())["verdict"] == f"failed: {sentence}"
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
    assert sentence == "ImageTextExampleGen: data/eval-*.tar matches no file"


def test_missing_folder(project, capfd):
    shutil.rmtree(project / "data")
    sentence = fails(project, capfd)
    assert sentence == "ImageTextExampleGen: data/eval-*.tar matches no file"


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


def test_a_member_that_is_no_image(project, capfd):
    add(project, {"bad/cat.png": b"I am a cat", "bad/cat.txt": b"cat"})
    assert fails(project, capfd) == (
        "ImageTextExampleGen: data/train-9.tar: bad/cat: is no image that can be decoded as "
        "bmp, gif, jpeg, png, webp"
    )


def test_an_image_without_captions(project, capfd):
    picture = io.BytesIO()
    Image.new("RGB", (4, 4)).save(picture, "png")
    add(project, {"cat.png": picture.getvalue()})
    assert fails(project, capfd) == (
        "ImageTextExampleGen: data/train-9.tar: cat: has an empty caption or none at all"
    )


def test_an_image_in_two_splits(project, capfd):
    [first, *_] = read_shard(str(project / "data" / "eval-0.tar"))
    write_shard(project / "data" / "train-9.tar", [first])
    assert fails(project, capfd) == (
        f"ImageTextExampleGen: {first.key}: this image key stands in the data 2 times "
        "(['eval', 'train'])"
    )


def test_data_that_breaks_the_schema(project, capfd, monkeypatch):
    from pipeline import create_pipeline

    stricter = create_pipeline.CURATED.read_text().replace("max: 65535", "max: 63", 1)
    monkeypatch.setattr(create_pipeline, "CURATED", project / "schema.pbtxt")
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
        "Trainer: training.batch_size = 500 is more than the 240 records of the train split"
    )
