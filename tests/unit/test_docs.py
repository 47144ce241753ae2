"""The documentation: its links lead somewhere, and its picture is that of the code."""

import importlib.util
import re
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PAGES = sorted(
    path for folder in (ROOT, ROOT / "docs", ROOT / "benchmarks", ROOT / "kubeflow")
    for path in folder.glob("*.md")
)  # fmt: skip
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
MOST_LINES = 150  # of the README


def anchors(page: Path) -> set[str]:
    """What a link may name behind `#`, as GitHub makes it of headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {
        re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


def broken_links(page: Path) -> list[str]:
    broken = []
    for target in LINK.findall(page.read_text("utf-8")):
        path, _, anchor = target.replace("\\", "").partition("#")
        if "://" in target:
            continue
        file = page.parent / path if path else page
        wrong = not file.exists() or (
            anchor and file.suffix == ".md" and anchor not in anchors(file)
        )
        broken += [target] if wrong else []
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_to_a_file_and_a_heading(page: Path):
    assert broken_links(page) == []


def test_a_broken_link_would_be_seen(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("# One thing\n[a](page.md#one-thing) [b](#two) [c](gone.md) [d](https://x.y)\n")
    assert broken_links(page) == ["#two", "gone.md"]


def test_the_readme_is_one_page():
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= MOST_LINES


def test_the_picture_is_that_of_the_code():
    spec = importlib.util.spec_from_file_location("draw", ROOT / "docs" / "draw_architecture.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.draw() == module.PICTURE.read_text("utf-8")
