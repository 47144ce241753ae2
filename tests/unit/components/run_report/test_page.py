"""The page: exact numbers, nothing that runs or loads, everything foreign in its place."""

import base64
import hashlib
import math
import re
from pathlib import Path

import pytest

from components.evaluator.metrics.measurement import Background, Estimate, Measurement, Results
from components.evaluator.report import Report
from components.run_report.model_card import model_card
from components.run_report.page import page as report_page
from components.run_report.page import tables, template_files
from components.run_report.page.page import render
from components.run_report.page.template_files import templates_digest
from tests.support import run_report
from tests.support.report_page import Read, read_page


@pytest.fixture(scope="module")
def plain() -> str:
    return render(run_report.facts())


@pytest.fixture(scope="module")
def hostile() -> str:
    return render(run_report.facts(words=run_report.HOSTILE))


def test_tables_hold_the_exact_values_of_the_evaluation(plain):
    read = read_page(plain)
    measured = run_report.facts().evaluation.results
    assert {name: values for (_, name), values in read.metrics.items()} == {
        name: [each.candidate.value] for name, each in measured[()].items()
    }
    assert read.slices == {
        key: [
            measured[key][f"text_to_image_{name}"].candidate.value
            for name in ("recall_at_1", "recall_at_10", "mrr")
        ]
        for key in measured
        if key
    }


def test_shown_numbers_are_the_rounded_exact_ones(plain):
    shown = re.findall(r'<data value="([^"]+)">([^<]+)</data>', plain)
    assert len(shown) == 14 + 3 * 2
    for exact, short in shown:
        assert float(short) == pytest.approx(float(exact), abs=0.0006)


def test_it_compares_with_the_release_before():
    estimate = Estimate(0.7, 0.65, 0.75)
    against = Measurement(
        Background(200, 300, 0.001), estimate, Estimate(0.6, 0.5, 0.7), Estimate(0.1, 0.05, 0.15)
    )
    results: Results = {(): run_report.measurements(0.6) | {"text_to_image_recall_at_1": against}}
    page = render(run_report.facts(evaluation=Report(results), baseline=3))
    read = read_page(page)
    assert read.metrics["table-1", "text_to_image_recall_at_1"] == [0.7, 0.6]
    assert "“Before” is release 3" in page
    assert "0.100 more than release 3 (0.050 to 0.150)" in page


@pytest.mark.parametrize("kind", ["plain", "hostile"])
def test_nothing_runs_and_nothing_is_loaded(kind, request):
    read = read_page(request.getfixturevalue(kind))
    _nothing_runs(read)


def _nothing_runs(read: Read) -> None:
    assert read.open == []
    used = {tag for tag, _ in read.tags}
    assert not used & {"script", "iframe", "object", "embed", "form", "input", "base", "link"}
    for tag, given in read.tags:
        assert not [name for name in given if name.startswith("on") or name == "style"], tag
        for name in ("src", "href", "xlink:href", "action", "poster", "data", "srcset"):
            value = given.get(name) or ""
            assert value == "" or value.startswith(("data:image/webp;base64,", "#")), (tag, value)


def test_the_policy_allows_this_style_alone(plain):
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]+)"', plain)
    [style] = re.findall(r"<style>(.*?)</style>", plain, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.replace("&#39;", "'") == (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'"
    )


def test_hostile_texts_keep_their_place(hostile, plain):
    """The elements are those of a page with harmless texts; no control character is left."""
    assert len(run_report.HOSTILE) == 40
    harmless = tuple(f"word {n}" for n in range(40))
    same = read_page(render(run_report.facts(words=harmless)))
    assert [tag for tag, _ in read_page(hostile).tags] == [tag for tag, _ in same.tags]
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]", hostile)
    hostile.encode("utf-8")  # no half of a surrogate pair
    assert "owned" in read_page(hostile).text  # shown, as text


def test_an_image_that_cannot_be_decoded_is_a_box_with_words():
    broken = run_report.facts()
    first = broken.gallery.images[0]
    import dataclasses

    lost = dataclasses.replace(first, picture=dataclasses.replace(first.picture, source=None))
    gallery = dataclasses.replace(broken.gallery, images=(lost,))
    assert "no image" in render(dataclasses.replace(broken, gallery=gallery))


def test_a_sample_says_that_it_is_one():
    import dataclasses

    gallery = dataclasses.replace(run_report.facts().gallery, of_records=9000)
    assert "a fixed sample of 60 of 9,000 records" in render(run_report.facts(gallery=gallery))


def test_a_command_in_an_advice_is_code_and_its_text_is_escaped():
    assert report_page._code("See `diptych why`, <b> & `a`.") == (
        "See <code>diptych why</code>, &lt;b&gt; &amp; <code>a</code>."
    )


def test_without_slices_curves_and_timeline_their_sections_are_left_out():
    results: Results = {(): run_report.measurements(0.6)}
    read = read_page(render(run_report.facts(evaluation=Report(results), curves={}, nodes=())))
    ids = {given.get("id") for _, given in read.tags}
    assert {"gates", "recall", "gallery", "data", "config"} <= ids
    assert not ids & {"slices", "curves", "time"}
    links = {(given["href"] or "").removeprefix("#") for tag, given in read.tags if tag == "a"}
    assert links <= ids


def test_the_digest_of_the_templates_changes_with_each_of_them(tmp_path: Path, monkeypatch):
    import shutil

    before = templates_digest()
    copy = shutil.copytree(template_files.TEMPLATES, tmp_path / "templates")
    monkeypatch.setattr(template_files, "TEMPLATES", copy)
    assert templates_digest() == before
    for file in sorted(copy.iterdir()):
        text = file.read_text()
        file.write_text(text + " ")
        assert templates_digest() != before
        file.write_text(text)


def test_what_has_no_number_is_not_drawn_and_not_a_zero():
    nothing = Estimate(math.nan, math.nan, math.nan)
    missing = {
        f"text_to_image_{name}": Measurement(Background(9, 9, None), nothing)
        for name in run_report.METRICS
    }
    results: Results = {
        (): run_report.measurements(0.6) | missing,
        ("kind", "cup"): missing,
        ("kind", "sky"): run_report.measurements(0.5),
    }
    report = Report(results)
    page = render(run_report.facts(evaluation=report))
    assert "nan" not in re.sub('value="nan"', "", page)
    assert "ranks first for" not in page
    assert "recall@10 by kind: sky 0.520" in page
    [kind] = tables.slices(report)
    assert [value.value for value in kind.values] == ["cup", "sky"]
    assert (tables.number(math.nan), tables.interval(nothing)) == (tables.NOT_MEASURED,) * 2
    card = model_card(run_report.facts(evaluation=report))
    assert "nan" not in card
