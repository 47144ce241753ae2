"""Other data for `diptych evaluate`: what of it is read, and what of it was trained on."""

import hashlib
from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from components.example_gen import split_digests
from components.example_gen.config import IngestConfig
from components.example_gen.records.merge import Grouping, merge
from components.example_gen.records.splits import DIGESTS
from components.example_gen.split_digests import Overlap
from diptych.cli.evaluate import _ingest_config
from pipeline.config.run_config import RunConfig, load
from schema.errors import InputError
from tests.integration.cli.test_commands import EMOJI
from tests.support.ingest import blocks, found


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_what_is_kept_of_each_split_and_how_it_is_compared(tmp_path):
    def records(split: str, images: dict[str, str]) -> list:
        merged = [
            merge(key, [found(content=digest(image), captions=("a",))], Grouping({}, {split: 1}, 3))
            for key, image in images.items()
        ]
        return [record for [record], _ in merged]

    train = {"a": "1", "b": "2", "c": "3", "d": "4"}
    # The image of a under another key, b as it is, the key of c with another image, a new one.
    data = {"x": "1", "b": "2", "c": "9", "y": "8"}
    folders = {split: f"{tmp_path}/Split-{split}" for split in ("train", "eval")}
    options = PipelineOptions(["--runner=FnApiRunner", "--sdk_container_image=none"])
    with beam.Pipeline(options=options) as pipeline:
        given = [*records("train", train), *records("eval", data)]
        split_digests.write_digests(pipeline | beam.Create(blocks(given)), folders)
    trained, other = (tmp_path / DIGESTS.format(split) for split in ("train", "eval"))
    expected = [[int(digest(text)[:16], 16) for text in each] for each in train.items()]
    assert np.load(trained).tolist() == sorted(expected)
    assert np.load(trained).nbytes == 16 * 4
    overlap = split_digests.compare(other, trained)
    assert overlap == Overlap(images=4, same_image=2, same_key=1)
    assert overlap.sentence("release 3") == (
        "2 of the 4 images of this data were in the train split of release 3; 1 more has the key "
        "of another image of it"
    )
    assert Overlap(90, 0, 2).sentence("release 3") == (
        "none of the 90 images of this data were in the train split of release 3; 2 have the key "
        "of another image of it"
    )
    assert split_digests.compare(trained, trained) == Overlap(4, 4, 0)


@pytest.fixture(scope="module")
def trained() -> RunConfig:
    config = load(EMOJI)
    data = config.data.model_copy(update={"format": "csv"})
    return config.model_copy(update={"data": data})


def given(trained: RunConfig, data: Path, files=None, format=None) -> tuple[str, str, str]:
    config = _ingest_config(trained, data, files, format)
    assert isinstance(config, IngestConfig)
    assert list(config.splits) == ["eval"]
    return config.path, config.patterns["eval"], config.format


def test_which_files_of_the_data_are_read(trained, tmp_path):
    shards, images, one = tmp_path / "shards", tmp_path / "my [new] images", tmp_path / "pairs.txt"
    for folder in (shards, images):
        folder.mkdir()
    for path in (
        shards / "a-0.tar",
        shards / "a-1.tar.gz",
        images / "1.jpg",
        images / "1.txt",
        one,
    ):
        path.write_text("")
    (images / "metadata.csv").write_text("")  # of the images
    assert given(trained, shards) == (str(shards), "*.tar*", "auto")
    # A folder of images is read by its own name, in which nothing is a wildcard.
    assert given(trained, images) == (str(tmp_path), "my [[]new] images", "auto")
    # Files that a person names are of the format that the release was trained on, or of another.
    assert given(trained, tmp_path, "*.txt") == (str(tmp_path), "*.txt", "csv")
    assert given(trained, one) == (str(tmp_path), "pairs.txt", "csv")
    assert given(trained, one, format="jsonl") == (str(tmp_path), "pairs.txt", "jsonl")


def test_data_that_cannot_be_meant_is_one_sentence(trained, tmp_path):
    with pytest.raises(InputError, match=r"nowhere: is not there$"):
        given(trained, tmp_path / "nowhere")
    with pytest.raises(InputError, match=r": is empty$"):
        given(trained, tmp_path)
    (tmp_path / "a.tar").write_text("")
    (tmp_path / "b.csv").write_text("")
    with pytest.raises(InputError, match=r"holds \*\.csv\* and \*\.tar\*; say with --files which"):
        given(trained, tmp_path)
    with pytest.raises(InputError, match=r"^--format zip: is none of auto, coco, csv, "):
        given(trained, tmp_path, format="zip")
