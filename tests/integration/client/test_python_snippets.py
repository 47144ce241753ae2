"""The Python of README.md and of pages in docs, run with a release of the small run."""

import functools
import io
import re
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import diptych
from tests.support.paths import ROOT
from tests.support.small_run import read_shard

PAGES = ["README.md", "docs/client.md", "docs/releases.md", "docs/tutorial.md"]
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
CALL = re.compile(r"^\| `release\.(\w+)[`(]", re.MULTILINE)


@pytest.fixture(scope="module")
def load():
    return functools.cache(diptych.load)  # once for all pages


@pytest.fixture
def place(small_run, tmp_path, monkeypatch):
    """A folder that holds what the pages name."""
    (tmp_path / "runs").mkdir()
    served = small_run.folder / "serving"
    for name in ("emoji", "pictures"):
        (tmp_path / "runs" / name).mkdir()
        (tmp_path / "runs" / name / "serving").symlink_to(served)
    rows = read_shard(str(small_run.folder / "data" / "eval-0.tar"))
    may = tmp_path / "photos" / "2024" / "may"
    may.mkdir(parents=True)
    for number, row in enumerate(rows[:8]):
        (may / f"{number}.png").write_bytes(row.image)
    whole = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(whole, "JPEG")
    (tmp_path / "photos" / "torn.jpg").write_bytes(whole.getvalue()[:1_200])
    (tmp_path / "cat.png").write_bytes(rows[0].image)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_the_blocks_of_a_page_run_one_after_the_other(page, place, load, monkeypatch, capsys):
    monkeypatch.setattr(diptych, "load", load)
    blocks = PYTHON.findall((ROOT / page).read_text("utf-8"))
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, page, "exec"), names)
    assert blocks
    printed = capsys.readouterr().out.splitlines()
    if page == "docs/client.md":  # five images of a folder, and the one that cannot be read
        assert [line.split("photos/")[1][:9] for line in printed] == ["2024/may/"] * 5
        assert names["photos"].failures == {"torn.jpg": "cannot be decoded as an image"}
    if page == "docs/releases.md":
        model, picture = names["model"], names["picture"]
        found = model.signatures["similarity"](image=picture[None], text=tf.constant(["cat"]))
        release = names["release"]
        expected = release.similarity([picture.numpy()], ["cat"])
        np.testing.assert_allclose(found["similarity"], expected, atol=1e-5)


def test_the_calls_of_the_table_are_those_of_a_release():
    named = set(CALL.findall((ROOT / "docs/client.md").read_text("utf-8")))
    public = {name for name in dir(diptych.Release) if not name.startswith("_")}
    assert named <= public
    assert {"embed_images", "embed_texts", "search", "similarity", "index"} <= named
