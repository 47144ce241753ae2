"""`index.json`: what an index is and how well it answers, for the Pusher to read."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from components.catalogue_index.config import IndexConfig, Kind, UsearchConfig
from schema.config.report_file import read_report
from schema.config.section import Frozen
from schema.text.messages import number_of

REPORT = "index.json"


class IndexReport(Frozen):
    """Describe an index. It has not passed before it is measured."""

    kind: Kind
    vectors: int = Field(gt=0)
    dim: int = Field(gt=0)
    usearch: UsearchConfig | None = None  # of the kind of this name only
    usearch_version: str | None = None  # that wrote the graph
    recall: float | None = None  # share of the exact answers that the index gives too
    recall_at: int | None = None  # answers per query that were compared
    at_least: float | None = None  # the gate
    queries: int | None = None  # captions that were searched with
    passed: bool = False
    sentence: str = "the recall of the catalogue's index was not measured"

    @model_validator(mode="after")
    def _says_how(self) -> Self:
        if (self.kind == "usearch") != (self.usearch is not None):
            raise ValueError("usearch is given for this kind and for no other")
        return self

    def gated(self, recall: float, queries: int, config: IndexConfig) -> "IndexReport":
        """Return this report with a measured recall and whether the gate holds."""
        passed = recall >= config.at_least
        sentence = (
            f"index_recall_at_{config.recall_at} = {recall:.4f} {'>=' if passed else '<'} "
            f"{config.at_least:.4f} ({self.kind} index of {number_of(self.vectors, 'vector')} "
            f"against exact search, {number_of(queries, 'caption')})"
        )
        return self.model_copy(
            update={
                "recall": recall,
                "recall_at": config.recall_at,
                "at_least": config.at_least,
                "queries": queries,
                "passed": passed,
                "sentence": sentence,
            }
        )

    def write(self, folder: Path) -> None:
        """Write `index.json`."""
        (folder / REPORT).write_text(self.model_dump_json(indent=2), encoding="utf-8")


def read(folder: str | Path) -> IndexReport:
    """Read `index.json` of the index in a folder.

    Raises:
        InputError: there is none, or it is not a report of an index.
    """
    return read_report(IndexReport, Path(folder, REPORT), "an index of the catalogue")
