"""The size of networks and batches as a config tells it, next to what Keras builds."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from diptych.cli.main import app
from pipeline.config.load_to_train import load_to_train
from schema.errors import InputError
from tests.support.changed_config import load_changed
from tests.support.training import config, trained, write_records
from trainer.config import machine_memory, model_size
from trainer.models.dual_encoder import DualEncoder

IMAGE_TOWERS: dict[str, dict[str, Any]] = {
    "conv": {"filters": 5},
    "convnet": {"widths": [4, 9, 6]},
    "vit": {"width": 12, "heads": 2, "depth": 2, "patch": 4, "mlp_ratio": 3},
}
TEXT_TOWERS: dict[str, dict[str, Any]] = {
    "lstm": {"vocabulary_size": 50, "width": 7, "units": 9},
    "bag": {"width": 7},
    "transformer": {"width": 8, "heads": 2, "depth": 3},
}


@pytest.mark.parametrize("size", [8, 14, 36])
@pytest.mark.parametrize("kind", IMAGE_TOWERS)
def test_image_towers_have_as_many_parameters_as_keras_counts(kind, size):
    size = size - size % 4 if kind == "vit" else size
    tower = {"kind": kind, **IMAGE_TOWERS[kind]}
    settings = config(image={"size": size}, model={"image_tower": tower, "embedding_dim": 6})
    built = DualEncoder(settings).image_tower
    assert model_size.parameters(settings)["image_tower"] == built.count_params()


@pytest.mark.parametrize("kind", TEXT_TOWERS)
def test_text_towers_have_as_many_parameters_as_keras_counts(kind):
    settings = config(model={"text_tower": {"kind": kind, **TEXT_TOWERS[kind]}, "embedding_dim": 6})
    built = DualEncoder(settings).text_tower
    assert model_size.parameters(settings)["text_tower"] == built.count_params()


def test_a_convnet_without_a_stage():
    settings = config(model={"image_tower": {"kind": "convnet", "widths": []}})
    assert (
        model_size.parameters(settings)["image_tower"]
        == DualEncoder(settings).image_tower.count_params()
    )


def test_memory_is_counted_for_weights_gradients_moments_averages_and_the_served_copy():
    settings = config(training={"average": 0.9})
    parameters = sum(model_size.parameters(settings).values())
    assert model_size.training_bytes(settings) == 4 * parameters * (5 + 1)
    assert model_size.training_bytes(config(), devices=2) == 4 * parameters * (2 * 4 + 1)


@pytest.mark.parametrize(
    ("sections", "sentence"),
    [
        (
            {"model": {"image_tower": {"kind": "convnet", "widths": [100_000_000]}}},
            "model.image_tower.widths: about 2.1e+10 parameters in model.image_tower; the limit is "
            "1e+10",
        ),
        (
            {"model": {"image_tower": {"kind": "convnet", "widths": [2**31 - 1] * 32}}},
            "model.image_tower.widths: about 1.3e+21 parameters",
        ),
        (
            {"model": {"image_tower": {"kind": "conv", "filters": 2**31 - 1}}},
            "model.embedding_dim: about 1.8e+11 parameters in model.image_tower",
        ),
        (
            {"model": {"image_tower": {"kind": "vit", "width": 99_999, "depth": 1000}}},
            "model.image_tower.width: about 1.2e+14 parameters",
        ),
        (
            {"model": {"text_tower": {"kind": "bag"}}, "text": {"vocabulary_size": 2**31 - 1}},
            "text.vocabulary_size: about 5.5e+11 parameters in model.text_tower",
        ),
        (
            {"model": {"text_tower": {"kind": "lstm", "units": 1_000_000}}},
            "model.text_tower.units: about 4e+12 parameters",
        ),
        (
            {"model": {"text_tower": {"kind": "transformer"}}, "text": {"max_tokens": 2**31 - 1}},
            "text.max_tokens: about 4.1e+11 parameters",
        ),
        (
            {"model": {"embedding_dim": 2**31 - 1}},
            "model.embedding_dim: about 7.1e+10 parameters in model.image_tower",
        ),
        (
            {
                "model": {
                    "text_tower": {
                        "kind": "keras_hub",
                        "name": "BertBackbone",
                        "arguments": {"hidden_dim": 90_000, "num_layers": 900},
                    }
                }
            },
            "model.text_tower.arguments: about 8.7e+13 parameters in model.text_tower",
        ),
        (
            {
                "model": {
                    "text_tower": {
                        "kind": "keras_hub",
                        "name": "BertBackbone",
                        "arguments": {"some": [{"thing": 10**30}]},
                    }
                }
            },
            "holds the number 1e+30; the limit is 1,000,000",
        ),
        (
            {"training": {"batch_size": 20_000_000}},
            "training.batch_size = 20000000: about 1,600,020 GB a batch, most of it similarities "
            "of all pairs; the limit is 1,100 GB",
        ),
        (
            {"image": {"size": 4096}, "training": {"batch_size": 10_000}},
            "training.batch_size = 10000: about 2,517 GB a batch, most of it pixels of image.size",
        ),
        (
            {"text": {"max_captions": 2_000_000, "max_tokens": 2_000_000}},
            "training.batch_size = 12: about 384,000 GB a batch, most of it text.max_captions",
        ),
    ],
)
def test_what_no_machine_can_hold_is_refused_with_the_figure(sections, sentence):
    with pytest.raises(ValidationError) as caught:
        config(**sections)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("size", [4097, 100_000_000])
def test_an_image_has_a_largest_side(size):
    with pytest.raises(ValidationError, match="less than or equal to 4096"):
        config(image={"size": size})


@pytest.fixture
def root(tmp_path) -> Path:
    """A machine with 2 GB, whose control group allows 200 MB and the one around it 100 MB."""
    for name, text in {
        "proc/meminfo": "MemTotal:       2000000 kB\nMemFree: 5 kB\n",
        "proc/self/cgroup": "0::/outer/inner\n",
        "sys/fs/cgroup/memory.max": "max\n",
        "sys/fs/cgroup/outer/memory.max": "100000000\n",
        "sys/fs/cgroup/outer/inner/memory.max": "200000000\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_the_memory_of_a_machine_is_the_least_that_any_group_allows(root):
    assert machine_memory.available(root) == 100_000_000
    (root / "sys/fs/cgroup/outer/memory.max").write_text("max\n")
    assert machine_memory.available(root) == 200_000_000
    (root / "proc/self/cgroup").write_text("0::/\n")
    assert machine_memory.available(root) == 2_048_000_000


def test_the_older_control_groups_count_too(root):
    (root / "proc/self/cgroup").write_text("5:cpu:/\n4:memory:/box\n")
    limit = root / "sys/fs/cgroup/memory/box/memory.limit_in_bytes"
    limit.parent.mkdir(parents=True)
    limit.write_text("300000000\n")
    assert machine_memory.available(root) == 300_000_000


def test_without_any_figure_nothing_is_refused(tmp_path):
    assert machine_memory.available(tmp_path) == 2**63


def test_what_this_machine_cannot_hold_is_refused(root):
    settings = config(model={"text_tower": {"kind": "bag", "width": 120_000}})
    with pytest.raises(InputError) as caught:
        machine_memory.check(settings, 1, True, root=root)
    assert str(caught.value) == (
        "training needs at least 115 MB of memory (13 kB for a batch and 115 MB for 5.8e+06 "
        "parameters with gradients and moments), and this process may use 100 MB: make "
        "training.batch_size, image.size or the towers smaller, or train on a larger machine"
    )
    machine_memory.check(settings, 1, False, root=root)  # in the memory of a GPU


def test_a_gpu_is_seen_by_its_device_file(root):
    (root / "dev").mkdir()
    (root / "dev" / "nvidiactl").touch()
    assert not machine_memory.has_gpu(root)
    (root / "dev" / "nvidia0").touch()
    assert machine_memory.has_gpu(root)


def test_a_run_asks_before_it_reads_any_data(tmp_path, monkeypatch):
    load_changed(tmp_path)
    monkeypatch.setattr(machine_memory, "available", lambda root: 10**6)
    ended = CliRunner().invoke(app, ["run", str(tmp_path / "config.yaml")])
    assert ended.exit_code == 1
    assert ended.stderr.startswith("diptych: training needs at least ")
    monkeypatch.setattr(machine_memory, "available", lambda root: 10**12)
    load_to_train(tmp_path / "config.yaml")


def test_the_trainer_asks_before_it_builds_anything(tmp_path, monkeypatch):
    files = write_records(tmp_path / "data", 36)
    monkeypatch.setattr(machine_memory, "available", lambda root: 1000)
    monkeypatch.setattr("trainer.training.train.TrainableDualEncoder", None)
    with pytest.raises(InputError, match="this process may use 1 kB"):
        trained(config(), files, tmp_path)
