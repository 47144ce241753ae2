"""`diptych init` on odd folders: one sentence, or a config that still works."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from diptych.cli.main import app
from diptych.cli.start.init import init
from pipeline.config.run_config import load
from tests.support.ingest import picture, write_tar
from tests.support.pair_layouts import LAYOUTS, pairs, put


def run(*arguments: str | Path) -> tuple[int, str, str]:
    ended = CliRunner().invoke(app, list(map(str, arguments)))
    return ended.exit_code, ended.stdout, ended.stderr


def odd(name: str, folder: Path) -> Path:
    """Make a folder that no config can be written for, or the path of what is none."""
    if name == "nothing there":
        return folder / "gone"
    if name == "a bucket":
        return Path("s3://bucket/shards")
    if name == "a file":
        put(folder / "a.jpg", picture(1, "jpeg"))
        return folder / "a.jpg"
    if name == "no captions":
        put(folder / "a.jpg", picture(1, "jpeg"))
    if name == "other files":
        put(folder / "thesis.pdf", b"%PDF")
    if name == "two formats":
        put(folder / "a.csv", "image,caption\n1.jpg,a cup\n")
        put(folder / "b.parquet", b"PAR1")
    if name == "a damaged tar":
        put(folder / "a.tar", b"no tar at all")
    if name == "one pair":
        write_tar(folder / "a.tar", [("1.png", picture(1)), ("1.txt", b"a cup")])
    if name == "images elsewhere":
        put(folder.parent / "1.png", picture(1))
        put(folder / "a.csv", "image,caption\n../1.png,a cup\n")
    if name == "images that are not there":
        put(folder / "a.csv", "image,caption\n1.png,a cup\n")
    if name == "columns without captions":
        put(folder / "a.csv", "picture,price\n1.png,3\n")
    if name == "broken pictures":
        for number in range(4):
            put(folder / f"{number}.jpg", b"\xff\xd8\xff broken")
            put(folder / f"{number}.txt", "a cup")
    return folder


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("nothing there", "no such folder"),
        ("a bucket", "s3:/bucket/shards: init looks at folders of this machine"),
        ("a file", "is not a folder; name the folder that the data is in"),
        ("empty", "holds nothing, and no images with captions"),
        ("no captions", "holds 1 image, and no captions: put 1.txt beside 1.jpg"),
        ("no captions", "`diptych search RELEASE --images FOLDER`"),
        ("other files", "holds 1 other file, such as thesis.pdf, and no images with captions"),
        ("two formats", "choose by --format csv or parquet"),
        ("a damaged tar", "the tar is damaged or cut off"),
        ("one pair", "holds 1 image with captions, too few to train with"),
        ("images elsewhere", "in data.allow"),
        ("images that are not there", "the first fault is missing_image: "),
        ("columns without captions", "looks like one of captions; name it in data.columns"),
        ("broken pictures", "the first fault is damaged_header: "),
    ],
)
def test_an_odd_folder_is_one_sentence(name, part, tmp_path, monkeypatch):
    folder = tmp_path / "in" / "data"
    folder.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    code, out, err = run("init", odd(name, folder))
    assert code == 1
    assert out == ""
    assert err.startswith("diptych: ")
    assert err.count("\n") == 1
    assert part in err
    assert not Path("config.yaml").exists()


def test_a_config_that_is_there_is_replaced_by_force_only(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    LAYOUTS["Folder of images"](tmp_path / "cups", pairs(8, 2))
    Path("config.yaml").write_text("mine")
    code, _, err = run("init", "cups")
    assert (code, err) == (
        1,
        "diptych: config.yaml: is there already; --force replaces it, --output names another "
        "file\n",
    )
    assert Path("config.yaml").read_text() == "mine"
    assert run("init", "cups", "--force")[0] == 0
    assert load(Path("config.yaml")).name == "cups"
    assert run("init", "cups", "--output", "sub/other.yaml")[0] == 1  # no such folder


def test_images_elsewhere_are_read_where_a_person_allows_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = ["image,caption"]
    for number in range(30):
        put(tmp_path / f"pictures/{number}.png", picture(number))
        rows.append(f"../pictures/{number}.png,cup number {number}")
    put(tmp_path / "table/all.csv", "\n".join(rows) + "\n")
    assert run("init", "table", "--allow", "pictures")[0] == 0
    assert load(Path("config.yaml")).data.allow == (str(tmp_path / "pictures"),)
    assert "allow: [pictures]" in Path("config.yaml").read_text()


def test_names_from_elsewhere_neither_end_a_comment_nor_control_the_terminal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    evil = "\u202e'\"}: [x] loss: {name: hinge} #"
    for number, (key, image, captions) in enumerate(pairs(40, 0)["train"]):
        put(tmp_path / f"d/{evil}/{key}.png", image)
        meta = {"captions": captions, "kind": f"\x1b[31m{evil}\n{number % 2}", f"\x1b{evil}": 1}
        put(tmp_path / f"d/{evil}/{key}.json", json.dumps(meta))
    code, out, err = run("init", "d")
    assert (code, err) == (0, "")
    assert "\x1b" not in out + Path("config.yaml").read_text()
    assert "\u202e" not in out + Path("config.yaml").read_text()
    config = load(Path("config.yaml"))
    assert config.loss.name == "info_nce"
    assert config.data.path == str(tmp_path / "d" / evil)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("two\nlines", "is not one line"),
        ("\x1b[31m", "holds the control character U+001B"),
        (os.fsdecode(b"\xff"), "is not UTF-8"),
    ],
)
def test_a_folder_that_no_config_can_name_is_one_sentence(name, part, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    LAYOUTS["Folder of images"](tmp_path / name, pairs(8, 2))
    code, _, err = run("init", name)
    assert code != 0
    assert err.count("\n") == 1
    assert part in err
    assert not Path("config.yaml").exists()


def test_pictures_that_cannot_be_used_are_counted_and_allowed_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    LAYOUTS["Folder of images"](tmp_path / "cups", pairs(40, 10))
    for number in range(3):
        put(tmp_path / f"cups/train/{number}.png", picture(50 + number))  # without a caption
    assert run("init", "cups")[0] == 0
    text = Path("config.yaml").read_text()
    assert "Of the sample 6 % cannot be used (no_caption: there is no caption)" in text
    config = load(Path("config.yaml"))
    assert 0.06 < config.data.max_quarantined <= 0.1


def test_a_folder_that_may_not_be_read_is_one_sentence(tmp_path, monkeypatch):
    if os.geteuid() == 0:
        monkeypatch.setattr(os, "scandir", _refuse)
    folder = tmp_path / "data"
    folder.mkdir(mode=0)
    code, _, err = run("init", folder)
    assert (code, err) == (1, f"diptych: {folder}: Permission denied\n")


def _refuse(path):
    raise PermissionError(13, "Permission denied", str(path))


@pytest.mark.parametrize("name", ["null", "Yes", "off", "true"])
def test_a_folder_may_be_called_as_a_value_of_yaml(name, tmp_path):
    (tmp_path / name).mkdir()
    LAYOUTS["Folder of images"](tmp_path / name, pairs())
    init(tmp_path / name, tmp_path / "config.yaml")
    config = load(tmp_path / "config.yaml")
    assert config.name == name.lower()
    assert Path(config.data.path) == tmp_path / name
