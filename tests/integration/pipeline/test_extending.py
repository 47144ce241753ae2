"""docs/extending.md, executed: a plugin with a loss, tower, reader, metric and node trains."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.small_run import SHARDS, read_shard

PAGE = (ROOT / "docs" / "extending.md").read_text("utf-8")
DIPTYCH = Path(sys.executable).with_name("diptych")
PAIRS = {"train": 60, "eval": 30}


def named_blocks() -> dict[str, str]:
    """The blocks of code whose first line is a comment with the name of a file."""
    blocks = re.findall(
        r"^```\w+\n(# (\S+\.(?:py|yaml))\n.*?)^```$", PAGE, re.DOTALL | re.MULTILINE
    )
    return {name: text for text, name in blocks}


def diptych(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [DIPTYCH, *arguments], cwd=folder, capture_output=True, text=True, env={**os.environ}
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the page beside 90 emoji in the format of its reader."""
    folder = tmp_path_factory.mktemp("extended")
    for name, text in named_blocks().items():
        (folder / name).parent.mkdir(exist_ok=True)
        quick = "serving_check: {latency_calls: 2}\n" if name == "config.yaml" else ""
        (folder / name).write_text(text + quick)
    rows = read_shard(str(SHARDS / "train-00000.tar.gz"))
    start = 0
    for split, count in PAIRS.items():
        lines = []
        for row in rows[start : start + count]:
            name = row.key.replace("/", "-")
            (folder / f"{name}.png").write_bytes(row.image)
            lines.append(f"{name}.png\t{row.captions[0]}\n")
        (folder / f"{split}.pairs").write_text("".join(lines))
        start += count
    return folder


@pytest.fixture(scope="module")
def shipped(folder: Path) -> Path:
    ended = diptych(folder, "run", "config.yaml")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder / "serving" / "releases" / "1"


def test_the_page_names_every_file_of_the_package():
    imported = re.findall(r"^from my_package import (.*)$", PAGE, re.MULTILINE)[0].split(", ")
    files = {f"my_package/{name}.py" for name in [*imported, "listing_component", "__init__"]}
    assert set(named_blocks()) == {*files, "config.yaml"}


def test_each_part_is_in_the_release(shipped: Path):
    config = json.loads((shipped / "config.json").read_text())
    assert config["loss"] == {
        "name": "focal",
        "pairs": "given",
        "sampled_mismatches": 3,
        "gamma": 1.5,
    }
    assert config["model"]["image_tower"]["kind"] == "pooled"
    release = json.loads((shipped / "release.json").read_text())
    at_20, at_10 = (release["metrics"][f"text_to_image_recall_at_{k}"] for k in (20, 10))
    assert 1 >= at_20 >= at_10 > 0
    assert release["gates"][0]["sentence"].startswith("text_to_image_recall_at_20 = ")


def test_the_node_ran_behind_the_trainer(shipped: Path):
    runs = shipped.parents[2] / "runs"
    [listing] = [path for path in (runs / "artifacts/Listing/listing").rglob("*") if path.is_file()]
    assert "Format-Serving/saved_model.pb" in listing.read_text().splitlines()


def test_the_reference_has_the_keys(folder: Path):
    printed = diptych(folder, "keys", "loss", "-c", "config.yaml").stdout
    assert "loss.gamma: number, at least 0, default 2.0" in printed
    assert "How much less; 0: all pairs count alike." in printed


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("name: focal", "name: fokal", "loss.name = 'fokal' is none of 'cosine_embedding', "),
        (
            "gamma: 1.5",
            "gama: 1.5",
            "loss.gama is not a key of the config; the nearest is loss.gamma",
        ),
        ("cells: 8", "cells: 7", "model.image_tower.cells = 7 does not divide image.size = 32"),
        ("[my_package]", "[our_package]", "plugins: our_package cannot be imported: "),
        ("kind: pooled", "kind: pool", "model.image_tower.kind = 'pool' is none of "),
    ],
)
def test_mistakes_name_the_key(folder: Path, old: str, new: str, sentence: str):
    file = folder / "mistake.yaml"
    file.write_text((folder / "config.yaml").read_text().replace(old, new))
    ended = diptych(folder, "check", file.name)
    assert ended.returncode == 2
    assert sentence in ended.stderr
    assert ended.stderr.count("\n") == 1
    if "is none of" in sentence:
        assert ("'focal'" if "loss" in sentence else "'pooled'") in ended.stderr


def test_a_reader_can_be_named(folder: Path):
    file = folder / "named.yaml"
    text = (folder / "config.yaml").read_text()
    file.write_text(text.replace("{path: .,", "{path: ., format: tsv_pairs,"))
    ended = diptych(folder, "keys", "data.format", "-c", file.name)
    assert ended.returncode == 0
    file.write_text(text.replace("{path: .,", "{path: ., format: pairs,"))
    ended = diptych(folder, "keys", "data.format", "-c", file.name)
    assert ended.returncode == 2
    assert "tsv_pairs" in ended.stderr
