"""Data that no network can rank is refused before anything is learned."""

from components.example_gen.records.quarantine import Summary
from components.example_validator.rules import rank_faults

HEALTHY = Summary(
    examples={"eval": 20, "train": 1_200},
    distinct_images={"eval": 2, "train": 1_000},
    distinct_captions={"eval": 2, "train": 2_000},
)


def test_healthy_data_has_no_fault():
    assert rank_faults(HEALTHY) == []


def test_one_record():
    one = {"eval": 1, "train": 1_200}
    assert rank_faults(HEALTHY.model_copy(update={"examples": one})) == [
        "split eval has 1 record, which is always its own best match: give it more in data.splits"
    ]


def test_the_same_image_or_caption_everywhere_is_said_of_each_split():
    same = HEALTHY.model_copy(
        update={
            "distinct_images": {"eval": 2, "train": 1},
            "distinct_captions": {"eval": 1, "train": 1},
        }
    )
    caption, image = (
        "split {}: all {} records have the same caption, so that no image can find its own: see "
        "whether data.columns.captions names the right column",
        "split {}: all {} records have the same image, so that no caption can find its own: see "
        "whether data.columns.image names the right column",
    )
    assert rank_faults(same) == [
        caption.format("eval", 20),
        image.format("train", "1,200"),
        caption.format("train", "1,200"),
    ]
