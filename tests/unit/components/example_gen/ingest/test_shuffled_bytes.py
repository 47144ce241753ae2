"""No image goes through a shuffle: between stages, ingest hands on places, digests and captions.

A runner of a cluster sends over the network, or writes to disk, what the local one keeps in the
buffers between its stages.
"""

import json

import apache_beam as beam
import pytest
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner import execution

from components.example_gen.config import IngestConfig
from components.example_gen.files import find_parts
from components.example_gen.images.originals import OF_EACH_KIND
from components.example_gen.ingest.beam_graph import Places, ingest
from tests.support.ingest import ingested, picture, write_tar

IMAGES = 12
SIZE = (80, 60)
PIECE = slice(-400, -360)  # bytes of an image's pixels, behind its header


@pytest.fixture
def between_stages(monkeypatch) -> list[bytes]:
    """What the stages of ingest write for each other."""
    written: list[bytes] = []
    for buffer in (execution.ListBuffer, execution.GroupingBuffer):

        def append(self, data, own=buffer.append):
            written.append(bytes(data))
            own(self, data)

        monkeypatch.setattr(buffer, "append", append)
    return written


def pictures() -> dict[str, bytes]:
    return {f"{number:03d}": picture(number, "jpeg", SIZE) for number in range(IMAGES)}


def crossed(images: dict[str, bytes], written: list[bytes]) -> set[str]:
    """Keys of the images of which some bytes went from one stage to another."""
    return {key for key, image in images.items() if any(image[PIECE] in data for data in written)}


def config_of_tar(tmp_path, **values) -> IngestConfig:
    members = [
        member
        for key, image in pictures().items()
        for member in ((f"{key}.jpg", image), (f"{key}.txt", f"picture {key}".encode()))
    ]
    write_tar(tmp_path / "a.tar", members)
    return IngestConfig(
        path=str(tmp_path), files="a.tar", splits={"train": 0.7, "eval": 0.3}, **values
    )


def kept(found) -> int:
    return sum(found.summary.examples.values())


def test_no_image_of_a_shard_crosses_stages(tmp_path, between_stages):
    found = ingested(tmp_path / "out", config_of_tar(tmp_path))
    assert kept(found) == IMAGES
    assert any(b"picture 003" in data for data in between_stages)
    assert crossed(pictures(), between_stages) == set()


def test_of_images_that_are_shrunk_only_the_sample_for_the_serving_check_does(
    tmp_path, between_stages
):
    found = ingested(tmp_path / "out", config_of_tar(tmp_path, max_side=64))
    assert kept(found) == found.summary.images_changed["shrunk"] == IMAGES
    assert len(crossed(pictures(), between_stages)) == OF_EACH_KIND


def test_no_image_with_a_file_of_its_own_crosses_stages(tmp_path, between_stages):
    lines = []
    for key, image in pictures().items():
        (tmp_path / f"{key}.jpg").write_bytes(image)
        lines += [json.dumps({"image": f"{key}.jpg", "caption": f"picture {key}"})] * 2
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    config = IngestConfig(path=str(tmp_path), splits={"train": "a.jsonl"})
    found = ingested(tmp_path / "out", config)
    assert (kept(found), found.summary.merged) == (IMAGES, IMAGES)
    assert crossed(pictures(), between_stages) == set()


def test_images_go_from_the_reader_to_their_examination_and_nowhere_else(tmp_path):
    """One consumer of its own, without side input: every runner fuses it with the reader."""
    config = config_of_tar(tmp_path)
    parts = list(find_parts(config.path, config.patterns, config))
    places = Places("e", {split: split for split in config.splits}, "q", "i")
    pipeline = beam.Pipeline()
    ingest(pipeline, parts, config, 5, places)
    components = pipeline.to_runner_api().components
    [read] = leaves(components, "Read")
    following = [consumers(components, output) for output in read.outputs.values()]
    alone = [each[0] for each in following if len(each) == 1]
    [examine] = [each for each in alone if each.unique_name == "ExamineInline/ParDo(Examine)"]
    assert len(examine.inputs) == 1


def leaves(
    components: beam_runner_api_pb2.Components, name: str
) -> list[beam_runner_api_pb2.PTransform]:
    return [
        each
        for each in components.transforms.values()
        if each.unique_name.split("/")[0] == name and not each.subtransforms
    ]


def consumers(
    components: beam_runner_api_pb2.Components, collection: str
) -> list[beam_runner_api_pb2.PTransform]:
    return [
        each
        for each in components.transforms.values()
        if collection in each.inputs.values() and not each.subtransforms
    ]
