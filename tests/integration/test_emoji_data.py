"""The bundled data is what its README says, file by file."""

import io
from collections import Counter

import pytest
from PIL import Image

from tests.support.paths import ROOT
from tests.support.small_run import read_shard

FOLDER = ROOT / "examples" / "emoji"
TRAIN = {"noto", "noto-v1", "twemoji", "emojione"}


@pytest.fixture(scope="module")
def splits() -> dict[str, list]:
    return {
        split: [
            r for path in sorted(FOLDER.glob(f"shards/{split}-*")) for r in read_shard(str(path))
        ]
        for split in ("train", "eval")
    }


def test_at_least_5000_images_in_at_most_8_megabytes(splits):
    assert (len(splits["train"]), len(splits["eval"])) == (5421, 1531)
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) <= 8_000_000


def test_the_style_of_the_eval_split_is_never_seen_in_training(splits):
    assert {r.attributes["vendor"] for r in splits["train"]} == TRAIN
    assert {r.attributes["vendor"] for r in splits["eval"]} == {"fluent-emoji-flat"}
    keys = Counter(r.key for records in splits.values() for r in records)
    assert max(keys.values()) == 1


def test_every_image_is_a_64_px_palette_png(splits):
    for record in splits["train"] + splits["eval"]:
        with Image.open(io.BytesIO(record.image)) as picture:
            assert (picture.format, picture.mode, picture.size) == ("PNG", "P", (64, 64)), (
                record.key
            )
            assert "transparency" not in picture.info


def test_every_record_has_its_name_its_keywords_and_its_attributes(splits):
    for record in splits["train"] + splits["eval"]:
        name, keywords = record.captions
        assert name == record.attributes["name"]
        assert keywords
        assert set(record.attributes) == {"vendor", "category", "name"}


def test_licences_name_every_source():
    text = (FOLDER / "LICENSES.md").read_text()
    for source in (*TRAIN, "fluent-emoji-flat", "cldr-annotations-full"):
        assert source in text
    for licence in ("Apache-2.0", "CC-BY-4.0", "MIT", "Unicode-3.0"):
        assert licence in text
