"""Read the tables of a report's page as a program that knows HTML and nothing of our templates."""

import dataclasses
import html.parser

VOID = ("meta", "img", "link", "br", "input", "base")


@dataclasses.dataclass
class Read:
    """What a page holds.

    Attributes:
        metrics: the exact values of a row, by table and metric.
        slices: the exact values of a row, by slice and value.
        tags: every element with its attributes, in order.
        text: all text.
        open: elements that were never closed.
    """

    metrics: dict[tuple[str, str], list[float]]
    slices: dict[tuple[str, str], list[float]]
    tags: list[tuple[str, dict[str, str | None]]]
    text: str
    open: list[str]


class _Parser(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.read = Read({}, {}, [], "", [])
        self._table = ""
        self._row: list[float] = []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.read.tags.append((tag, given))
        if tag not in VOID:
            self.read.open.append(tag)
        if tag == "table":
            self._table = given.get("id") or ""
        if tag == "tr":
            self._row = []
            if "data-metric" in given:
                self.read.metrics[self._table, given["data-metric"]] = self._row
            if "data-slice" in given:
                self.read.slices[given["data-slice"], given["data-slice-value"]] = self._row
        if tag == "data":
            self._row.append(float(given["value"]))

    def handle_startendtag(self, tag, attrs):
        self.read.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.read.open.pop() == tag

    def handle_data(self, data):
        self.read.text += data


def read_page(page: str) -> Read:
    """Parse a page; an element that is closed out of order fails."""
    parser = _Parser()
    parser.feed(page)
    parser.close()
    return parser.read
