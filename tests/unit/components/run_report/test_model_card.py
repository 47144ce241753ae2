"""The model card: metadata that the Hugging Face Hub reads, and no foreign Markdown."""

import html.parser
import re
from typing import Any

import yaml

from components.run_report.model_card import model_card
from tests.support import run_report


def parts(card: str) -> tuple[Any, str]:
    _, block, body = card.split("---\n", 2)
    return yaml.safe_load(block), body


def test_the_metadata_block():
    facts = run_report.facts(config=run_report.config(license="cc-by-4.0"))
    block, _ = parts(model_card(facts))
    assert block["license"] == "cc-by-4.0"
    assert block["pipeline_tag"] == "zero-shot-image-classification"
    [model] = block["model-index"]
    [result] = model["results"]
    assert result["dataset"] == {"type": "small", "name": "small", "split": "eval"}
    values = {metric["type"]: metric["value"] for metric in result["metrics"]}
    assert values["text_to_image_recall_at_1"] == 0.6
    assert values["image_to_text_recall_at_10"] == 0.62
    assert len(values) == 8


def test_without_a_licence_it_names_none():
    block, _ = parts(model_card(run_report.facts()))
    assert "license" not in block


def test_the_table_has_a_row_a_metric():
    _, body = parts(model_card(run_report.facts()))
    rows = [line for line in body.splitlines() if line.startswith("| ") and "@" in line]
    assert len(rows) == 6
    assert "| text to image: recall@1 | 0.600 | 0.550 to 0.650 | 0.001 | 200 | 300 |" in rows


def test_foreign_text_is_neither_html_nor_markdown():
    card = model_card(run_report.facts(words=run_report.HOSTILE))
    block, body = parts(card)
    assert "license" not in block
    tags: list[str] = []
    parser = html.parser.HTMLParser()
    parser.handle_starttag = lambda tag, attrs: tags.append(tag)  # type: ignore[method-assign]
    parser.feed(re.sub(r"```.*?```", "", body, flags=re.DOTALL))
    assert tags == []
    assert not re.search(r"(?<!\\)\]\(", body)
    assert not [line for line in body.splitlines() if line.startswith("# heading")]
    card.encode("utf-8")


def test_it_names_no_path_of_this_machine():
    config = run_report.config() | {"workspace": "/secret/place", "data": {"path": "/secret/data"}}
    assert "/secret" not in model_card(run_report.facts(config=config))
