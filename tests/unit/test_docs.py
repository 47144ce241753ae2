"""The documentation: its links lead somewhere, and its picture is that of the code."""

import re
from pathlib import Path

import pytest

from tests.support.docs_script import docs_script
from tests.support.paths import ROOT

FOLDERS = ("docs", "docs/howto", "benchmarks", "kubeflow")
PAGES = sorted(
    path
    for folder in (ROOT, *(ROOT / name for name in FOLDERS))
    for path in folder.glob("*.md")
)  # fmt: skip
LINK = re.compile(r"""\[[^\]]*\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)\"""")
PICTURES = ROOT / "docs" / "pictures"
MOST_BYTES = 400_000  # of all pictures
MOST_LINES = 150  # of the README


def anchors(page: Path) -> set[str]:
    """What a link may name behind `#`, as GitHub makes it of headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {
        re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


def broken_links(page: Path) -> list[str]:
    broken = []
    for target in map("".join, LINK.findall(page.read_text("utf-8"))):
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
    page.write_text('<img src="page.md"><source srcset="gone.webp">')
    assert broken_links(page) == ["gone.webp"]


def test_the_readme_is_one_page():
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= MOST_LINES


def test_the_pictures_are_small_and_shown():
    files = sorted(PICTURES.iterdir())
    shown = "".join(page.read_text("utf-8") for page in PAGES)
    assert [file.name for file in files if f"pictures/{file.name}" not in shown] == []
    assert {file.stem.rpartition("-")[2] for file in files} == {"light", "dark"}
    assert 0 < sum(file.stat().st_size for file in files) <= MOST_BYTES


def test_every_page_is_in_the_list_of_pages():
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / target).resolve() for target, _ in LINK.findall(index.read_text())}
    pages = [page for page in PAGES if (ROOT / "docs") in page.parents and page != index]
    assert [page for page in pages if page not in linked] == []


def test_the_picture_is_that_of_the_code():
    module = docs_script("draw_architecture")
    assert module.draw() == module.PICTURE.read_text("utf-8")
