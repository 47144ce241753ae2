"""The example of the stamps: captions, split and data set of pictures with a text beside them."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.example_gen.readers import jsonl
from components.example_gen.readers.registry import ReadOptions
from tests.support.paths import ROOT

FOLDER = ROOT / "examples" / "stamps"


def load(name):
    spec = importlib.util.spec_from_file_location(f"stamps_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


pictures = load("pictures")


@pytest.fixture
def folder(tmp_path):
    def write(key, data, text):
        path = tmp_path / "stamps" / f"{key}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        if text is not None:
            path.with_suffix(".txt").write_bytes(text)

    write("animals/birds/duck", b"duck", b"A duck.\nfr.utf8=Un canard.\nen_GB.utf8=A duck.\n")
    write("military/fireman", b"same", b"A fireman.\nde.utf8=Ein Feuerwehrmann.\n")
    write("people/fireman", b"same", b"A firefighter.\n")
    write("top", b"top", b"\xef\xbb\xbf A top. \nca@valencia.utf8=Una baldufa \xff\n")
    write("top_mirror", b"mirror", None)
    write("blank", b"blank", b"\n\n")
    return tmp_path / "stamps"


def test_captions_are_english_first_and_without_names_of_languages(folder):
    found = {each.key: each for each in pictures.read_pictures(folder)[0]}
    assert {key: each.captions for key, each in found.items()} == {
        "animals/birds/duck": ("A duck.", "Un canard."),
        "military/fireman": ("A fireman.", "A firefighter.", "Ein Feuerwehrmann."),
        "top": ("A top.", "Una baldufa \ufffd"),
    }
    assert (found["animals/birds/duck"].category, found["animals/birds/duck"].kind) == (
        "animals",
        "animals/birds",
    )
    assert found["top"].category == ""


def test_a_line_with_an_equals_sign_of_its_own_is_kept():
    assert pictures.captions_of("2 + 2 = 4\na=b\nzh_TW.utf8=鴨子\n") == ("2 + 2 = 4", "a=b", "鴨子")


def test_what_cannot_be_used_is_listed_and_the_rest_is_kept(folder):
    (folder / "foreign.png").write_bytes(b"foreign")
    (folder / "foreign.txt").write_text("fr.utf8=Un canard.\n", "utf-8")
    (folder / "wide.png").write_bytes(b"wide")
    (folder / "wide.txt").write_text("A duck.\n", "utf-16")
    (folder / "void.png").write_bytes(b"")
    (folder / "void.txt").write_text("Nothing.\n")
    (folder / "top.jpg").write_bytes(b"the same name with another ending")
    (folder / "folder.png").mkdir()
    (folder / "folder.txt").write_text("A folder.\n")
    found, skipped = pictures.read_pictures(folder)
    names = [sentence.rsplit("/", 1)[1] for sentence in skipped]
    reason = "its first line is not a caption in UTF-8"
    assert names == [
        f"blank.txt: {reason}",
        f"foreign.txt: {reason}",
        "void.png: is empty",
        f"wide.txt: {reason}",
    ]
    assert [each.key for each in found if each.key.startswith("top")] == ["top", "top.png"]
    assert [each.kind for each in found if each.key == "top"] == [""]


def test_the_split_is_that_of_the_bytes(folder):
    found, _ = pictures.read_pictures(folder)
    moved = [pictures.Picture(**{**vars(each), "key": "moved"}) for each in found]
    for seed in range(20):
        assert [pictures.is_held_out(each, 0.5, seed) for each in found] == [
            pictures.is_held_out(each, 0.5, seed) for each in moved
        ]
    drawn = [pictures.is_held_out(found[0], 0.2, seed) for seed in range(2_000)]
    assert sum(drawn) / len(drawn) == pytest.approx(0.2, abs=0.03)


def test_the_data_set_is_read_by_our_reader(folder, tmp_path):
    counts = pictures.write_data(
        pictures.read_pictures(folder)[0], tmp_path / "out", share=0.5, seed=3
    )
    assert sum(counts.values()) == 3
    rows = []
    for split, count in counts.items():
        file = tmp_path / "out" / f"{split}.jsonl"
        lines = file.read_text("utf-8").splitlines()
        assert len(lines) == count
        rows += [json.loads(line) for line in lines]
        if count:
            options = ReadOptions(root=str(tmp_path / "out"), attributes=("category", "kind"))
            assert len(list(jsonl.read(str(file), 0, options))) == count
    for row in rows:
        assert (tmp_path / "out" / row["image"]).read_bytes() == (
            folder / f"{row['image_id']}.png"
        ).read_bytes()


def test_pictures_of_like_names_keep_their_own_bytes(tmp_path):
    for name in ("a.jpg", "a.png", "a.png.png"):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_bytes(name.encode())
        (tmp_path / "in" / name).with_suffix(".txt").write_text("A picture.\n")
    found, _ = pictures.read_pictures(tmp_path / "in")
    assert [each.key for each in found] == ["a", "a.png", "a.png.png"]
    pictures.write_data(found, tmp_path / "out", share=0.5, seed=0)
    for each in found:
        copy = tmp_path / "out" / "pictures" / f"{each.key}{each.path.suffix}"
        assert copy.read_bytes() == each.path.name.encode()


def test_names_of_files_are_printed_as_one_line(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in (b"a\x1b[31m\n\xff.png", b"a\x1b[31m\n\xff.txt"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).touch()
    done = subprocess.run(
        [sys.executable, FOLDER / "fetch.py", "--pictures", folder], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stdout == (
        f"1 pictures are left out, the first: {folder}/a\\x1b[31m\\n\\xff.txt: its first line is "
        "not a caption in UTF-8\n"
    )
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--pictures", "nowhere"], "nowhere is not a folder"),
        (["--pictures", "."], "with a .txt beside them; this example needs 200"),
        ([], "apt-get is missing here, so that tuxpaint-stamps-default cannot be fetched; name a"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(tmp_path, arguments, sentence):
    program = tmp_path / "examples" / "stamps"
    program.mkdir(parents=True)
    for name in ("fetch.py", "pictures.py"):
        (program / name).write_text((FOLDER / name).read_text("utf-8"), "utf-8")
    done = subprocess.run(
        [sys.executable, program / "fetch.py", *arguments],
        cwd=tmp_path,
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert sentence in done.stderr
