"""`portable.json`: which files there are, how to call them, and how well they agree."""

from pathlib import Path

from pydantic import Field

from components.tower_converter.config import Format, PortableConfig, Precision
from schema.config.report_file import read_report
from schema.config.section import Frozen
from trainer.config.transform import ImageConfig

REPORT = "portable.json"
TOKENIZER, SETTINGS, VOCABULARY = "tokenizer.py", "tokenizer.json", "vocabulary.txt"
SUFFIXES: dict[Format, str] = {"onnx": "onnx", "litert": "tflite"}
RECALL_AT = 10
NOT_FINITE = 1e9  # stands for a difference of infinity or NaN, which JSON cannot hold


class TowerInput(Frozen):
    """What a tower reads: an array [n, *shape]."""

    name: str
    dtype: str
    shape: tuple[int, ...]


class PortableFile(Frozen):
    """A converted tower."""

    file: str
    """Path below the folder of the report."""
    tower: str
    format: Format
    precision: Precision
    how: str
    """How its numbers are made."""
    bytes: int = Field(gt=0)
    sha256: str
    p50_ms: float
    """Median time of one input, by the runtime of the format."""
    difference: float
    """Largest difference of a value of an embedding to the exported tower's, over the sample;
    `NOT_FINITE` where a value is infinite or NaN."""
    recall_loss: float
    """What recall@10 loses with this file and the other exported tower."""


class PairRecall(Frozen):
    """What recall@10 loses with both files of a format and precision."""

    format: Format
    precision: Precision
    recall_loss: float


class NotConverted(Frozen):
    """A file that there is not."""

    file: str
    reason: str


class Sample(Frozen):
    """What was embedded to compare."""

    split: str
    images: int
    texts: int
    queries: int
    recall_at: int = RECALL_AT
    recall: float
    """Text to image, by the exported towers, among the sample's images."""


class TokenizerReport(Frozen):
    """How the tokenizer in plain Python compares with the exported one."""

    texts: int
    different: tuple[str, ...]
    """The first texts whose ids are not those of the exported tower."""


class PortableReport(Frozen):
    """The content of `portable.json`."""

    inputs: dict[str, TowerInput]
    """By tower."""
    output: str
    dim: int
    image: ImageConfig
    """How pixels are made: the section `image` of the config."""
    files: tuple[PortableFile, ...]
    pairs: tuple[PairRecall, ...]
    not_converted: tuple[NotConverted, ...]
    sample: Sample
    tokenizer: TokenizerReport | None
    """None: the tokenizer has no form in plain Python."""
    limits: PortableConfig

    def write(self, folder: Path) -> None:
        """Write `portable.json`."""
        (folder / REPORT).write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read(folder: str | Path) -> PortableReport:
    """Read `portable.json` in a folder.

    Raises:
        InputError: there is none, or it is not such a report.
    """
    return read_report(PortableReport, Path(folder, REPORT), "converted towers")


def file_name(format_: Format, tower: str, precision: Precision) -> str:
    """Return the path of a converted tower below the folder of the report."""
    return f"{format_}/{tower}.{precision}.{SUFFIXES[format_]}"
