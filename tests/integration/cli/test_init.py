"""`diptych init`: on each layout a config that `check` takes as it stands."""

import json
from pathlib import Path

import pytest
import yaml

from components.example_gen.files import find_parts
from diptych.cli.check.command import check
from diptych.cli.start.init import init
from diptych.first_config.layout import find_layout
from diptych.first_config.listing import list_folder
from pipeline.config.load_to_train import load_to_train
from pipeline.config.run_config import RunConfig, load
from tests.support.layout_cases import CASES
from tests.support.pair_layouts import LAYOUTS, pairs
from tests.support.paths import ROOT
from tests.support.served_page import sections
from trainer.training.optimization.schedule import steps_of

PAGE = sections((ROOT / "docs/data.md").read_text())
SPLITS = {
    "WebDataset": {"train": "train-*.tar.gz", "eval": "eval-*.tar.gz"},
    "TFRecord": {"train": "train.tfrecord-00000-of-00001", "eval": "eval.tfrecord"},
    "JSON Lines": {"train": "train.jsonl", "eval": "eval.jsonl"},
    "CSV and TSV": {"train": 0.8, "eval": 0.2},
    "Parquet": {
        "train": "train-00000-of-00001.parquet",
        "eval": "test-00000-of-00001.parquet",
    },
    "COCO captions": {
        "train": "annotations/captions_train2017.json",
        "eval": "annotations/captions_val2017.json",
    },
    "Folder of images": {"train": "train", "eval": "eval"},
    "Hugging Face imagefolder": {"train": "train", "eval": "test"},
}
COUNTS = {"CSV and TSV": (24, 8)}  # by the hash of the images
CAPTIONS = {"CSV and TSV": 2, "Parquet": 1, "Hugging Face imagefolder": 1}


def written(title: str, folder: Path) -> RunConfig:
    """The config that `init` writes for a layout, loaded as `check` does."""
    data, file = folder / "data", folder / "config.yaml"
    data.mkdir()
    LAYOUTS[title](data, pairs())
    init(data, file)
    return load_to_train(file)


@pytest.mark.parametrize("title", LAYOUTS)
def test_every_pair_of_a_layout_passes_check_as_the_config_stands(title, tmp_path, capfd):
    config = written(title, tmp_path)
    assert dict(config.data.splits) == SPLITS[title]
    assert config.text.max_captions == CAPTIONS.get(title, 2)
    assert config.name == "data"
    capfd.readouterr()
    check(config, as_json=True)
    events = map(json.loads, capfd.readouterr().out.splitlines())
    [data] = [event for event in events if event["event"] == "data"]
    train, held_out = (data["examples"][split] for split in ("train", "eval"))
    assert (train, held_out) == COUNTS.get(title, (24, 8))
    assert f"{train} images to train on and {held_out} to evaluate" in " ".join(
        (tmp_path / "config.yaml").read_text().replace("\n# ", " ").split()
    )
    assert sum(data["quarantined"].values()) == 0
    assert steps_of(config.training, train) >= 1


def test_there_is_a_layout_for_each_of_the_page():
    assert {*LAYOUTS} == {*SPLITS} == {*CASES} & {*LAYOUTS}
    assert len(LAYOUTS) == 8


@pytest.mark.parametrize("title", LAYOUTS)
def test_the_files_of_the_page_are_recognised(title, tmp_path):
    CASES[title](tmp_path, PAGE[title].files)
    [shown] = PAGE[title].configs
    values = yaml.safe_load((ROOT / "examples/emoji/config.yaml").read_text())
    file = tmp_path / "config.yaml"
    values["evaluation"] = {"gates": [{"metric": "text_to_image_mrr", "at_least": 0}]}
    file.write_text(yaml.safe_dump({**values, "data": shown["data"]}))
    loaded = load(file)
    config = loaded.data.for_ingest(loaded.image)
    layout = find_layout(list_folder(Path(config.path)))
    found = config.model_copy(
        update={
            "format": layout.format,
            "splits": layout.splits or config.splits,
            "files": layout.files or None,
        }
    )
    expected, parts = (set(find_parts(c.path, c.patterns, c)) for c in (config, found))
    assert parts == expected
