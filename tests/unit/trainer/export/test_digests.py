"""What a config only points to is seen by the cache, the checkpoints and the trials of a search."""

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from pipeline.config.load_to_train import load_to_compile
from pipeline.config.run_config import RunConfig
from schema.system.source_files import own_files, source_files
from tests.support.changed_config import load_changed
from tests.support.training import config
from trainer.export import digests
from trainer.export.digests import content_digests, run_fingerprint
from trainer.training.train import checkpoint_folder

LOSS = """
    import tensorflow as tf
    from {helper} import half


    def loss(similarity, label):
        return half(tf.reduce_mean(tf.where(label, 1 - similarity, similarity)))
"""


def write_loss(folder: Path, helper: str, factor: str = "0.5") -> None:
    (folder / f"{helper}_loss.py").write_text(textwrap.dedent(LOSS.format(helper=helper)))
    (folder / f"{helper}.py").write_text(f"def half(x):\n    return {factor} * x\n")


def saved_model(folder: Path, weights: bytes) -> None:
    for name, content in (("saved_model.pb", b"graph"), ("variables/variables.data", weights)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def application(**keys: str) -> dict[str, Any]:
    return {"kind": "keras_application", "name": "VGG16", **keys}


def hub(**keys: str) -> dict[str, Any]:
    return {"kind": "keras_hub", **keys}


def to_compile(tmp_path: Path, **sections: Any) -> RunConfig:
    """A changed config whose loss can be found beside it."""
    load_changed(tmp_path, **sections)
    return load_to_compile(tmp_path / "config.yaml")


def digests_after(changes: list[Any], tmp_path: Path, **sections: Any) -> list[dict[str, str]]:
    found = []
    for change in changes:
        change()
        found.append(content_digests(to_compile(tmp_path, **sections)))
    return found


def test_a_file_of_weights_or_word_pieces_counts_by_its_content(tmp_path):
    sections = {
        "text__vocabulary": "vocab.txt",
        "model__image_tower": application(weights="w.h5"),
        "image__size": 32,
    }
    assert content_digests(load_changed(tmp_path, **sections)) == {}  # only the pods see them
    weights, pieces = tmp_path / "w.h5", tmp_path / "vocab.txt"
    pieces.write_text("[PAD]\n[UNK]")
    first, again, other = digests_after(
        [
            lambda: weights.write_bytes(b"1"),
            lambda: weights.touch(),
            lambda: weights.write_bytes(b"2"),
        ],
        tmp_path,
        **sections,
    )
    assert first == again
    assert set(first) == {"text.vocabulary", "model.image_tower.weights"}
    assert {key for key in first if first[key] != other[key]} == {"model.image_tower.weights"}
    assert content_digests(load_changed(tmp_path)) == {}


def test_a_preset_counts_by_all_its_files(tmp_path):
    preset = tmp_path / "bert"
    preset.mkdir()
    (preset / "config.json").write_text("{}")
    found = digests_after(
        [
            lambda: (preset / "model.weights.h5").write_bytes(b"1"),
            lambda: (preset / "model.weights.h5").write_bytes(b"2"),
            lambda: (preset / "more.txt").write_bytes(b""),
        ],
        tmp_path,
        model__text_tower=hub(preset="./bert"),
    )
    assert len({each["model.text_tower.preset"] for each in found}) == 3


def test_of_a_release_the_tower_counts_and_nothing_else(tmp_path):
    tower = tmp_path / "3" / "image_tower" / "3"
    found = digests_after(
        [
            lambda: saved_model(tower, b"1"),
            lambda: (tmp_path / "3" / "check.json").write_text("{}"),
            lambda: saved_model(tower, b"2"),
        ],
        tmp_path,
        model__image_tower={"kind": "convnet", "weights": "release:3"},
    )
    first, again, other = [each["model.image_tower.weights"] for each in found]
    assert first == again != other


def test_the_body_of_a_loss_of_your_own_counts_and_what_it_imports(tmp_path):
    sections = {"loss": {"name": "custom", "function": "digest_a_loss.loss"}}
    found = digests_after(
        [
            lambda: write_loss(tmp_path, "digest_a"),
            lambda: (tmp_path / "unrelated.py").write_text("x = 1"),
            lambda: write_loss(tmp_path, "digest_a", "0.25"),
        ],
        tmp_path,
        **sections,
    )
    first, again, other = [each["loss.function"] for each in found]
    assert first == again != other


def test_source_files_are_those_of_the_project(tmp_path, monkeypatch):
    package = tmp_path / "pack_of_mine"
    (package / "deep").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "deep" / "__init__.py").write_text("from . import one")
    (package / "deep" / "one.py").write_text("from ..two import x\nimport numpy\nimport json")
    (package / "two.py").write_text("def x():\n    import three_of_mine")
    (tmp_path / "three_of_mine.py").write_text("import absent_module")
    (package / "unused.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    found = [path.relative_to(tmp_path).as_posix() for path in source_files("pack_of_mine.deep")]
    assert found == [
        "pack_of_mine/__init__.py",
        "pack_of_mine/deep/__init__.py",
        "pack_of_mine/deep/one.py",
        "pack_of_mine/two.py",
        "three_of_mine.py",
    ]
    assert source_files("absent_module") == []


def test_it_is_an_input_of_each_node_that_reads_it(tmp_path):
    from pipeline.create_pipeline import create_pipeline

    def contents(tune: dict[str, Any] | None) -> dict[str, Any]:
        made = (
            to_compile(tmp_path, tune=tune, **sections)
            if tune
            else to_compile(tmp_path, **sections)
        )
        nodes = create_pipeline(made, str(tmp_path)).components
        return {
            node.id: json.loads(node.exec_properties["content"])
            if node.id == "Transform"
            else json.loads(node.exec_properties["custom_config"])["content"]
            for node in nodes
            if node.id in ("Transform", "Tuner", "Trainer")
        }  # fmt: skip

    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]")
    write_loss(tmp_path, "digest_b")
    for name in ("one", "two"):
        saved_model(tmp_path / name / "image_tower" / "1", name.encode())
    sections = {
        "text__vocabulary": "vocab.txt",
        "loss": {"name": "custom", "function": "digest_b_loss.loss"},
    }
    values = [{"kind": "convnet", "weights": f"release:{each}"} for each in ("one", "two")]
    before = contents({"space": {"model.image_tower": {"values": values}}})
    assert set(before["Transform"]) == {"text.vocabulary"}
    assert set(before["Trainer"]) == {"text.vocabulary", "loss.function"}
    # Of the values of a search, each one's own: paths are beside the config there, too.
    assert before["Tuner"][0] == before["Trainer"]
    one, two = [each["model.image_tower.weights"] for each in before["Tuner"][1:]]
    assert one != two
    write_loss(tmp_path, "digest_b", "2.0")
    after = contents(None)
    assert after["Transform"] == before["Transform"]
    assert after["Trainer"]["loss.function"] != before["Trainer"]["loss.function"]


@pytest.mark.parametrize("what", ["content", "code"])
def test_checkpoints_and_trials_of_what_was_there_before_are_not_gone_on_with(
    tmp_path, monkeypatch, what
):
    tower = tmp_path / "3" / "image_tower" / "3"
    saved_model(tower, b"1")
    start = {"kind": "convnet", "widths": [4, 8], "weights": f"release:{tmp_path / '3'}"}
    settings = config(model={"image_tower": start})
    before = (
        checkpoint_folder(settings, ["a"], "c"),
        run_fingerprint(settings, ["a"], "mrr"),
    )
    assert before == (
        checkpoint_folder(settings, ["a"], "c"),
        run_fingerprint(settings, ["a"], "mrr"),
    )
    if what == "content":
        saved_model(tower, b"2")
    else:
        monkeypatch.setattr(digests, "code_digest", lambda _: "edited")
    after = (
        checkpoint_folder(settings, ["a"], "c"),
        run_fingerprint(settings, ["a"], "mrr"),
    )
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_the_search_is_no_part_of_the_code_that_trains():
    trains = own_files(["trainer.run"])
    assert not [module for module in trains if module.startswith("trainer.tuning")]
    assert "trainer.tuning.trials" in own_files(["trainer.tuning.run"])
    assert digests.code_digest("trainer.run") != digests.code_digest("trainer.tuning.run")
