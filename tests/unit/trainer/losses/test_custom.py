"""A loss of the user's own beside the config: found, used, and its faults told by line."""

import importlib
import re
import textwrap
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import yaml

from pipeline.config.load_to_train import load_to_compile, load_to_train
from schema.errors import ConfigError, InputError
from tests.support.changed_config import load_changed
from tests.support.paths import ROOT
from tests.support.training import config, trained, weights, write_records
from trainer.export.digests import content_digests
from trainer.losses import custom
from trainer.losses.custom import CustomConfig
from trainer.training.step import TrainableDualEncoder

SOURCE = textwrap.dedent("""\
    import tensorflow as tf

    def vector(s, y):
        return tf.where(y, 1 - s, s)

    def nothing(s, y):
        pass

    def raises(s, y):
        return helper(1 - s)

    def helper(t):
        return tf.reduce_mean(tf.matmul(t, tf.zeros([3, 7])))

    def constant(s, y):
        return tf.reduce_mean(tf.cast(y, tf.float32))

    def truth(s, y):
        return tf.reduce_any(y)

    def one_argument(s):
        return s

    def key_error(s, y):
        return {}["a"]

    def leaves(s, y):
        raise SystemExit(0)

    def branches(s, y, cut=0.5):
        mean = tf.reduce_mean(s)
        if mean > cut:
            mean = mean * 2
        return mean

    NUMBER = 3
""")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("mine")
    (folder / "losses_of_mine.py").write_text(SOURCE)
    (folder / "leaving_of_mine.py").write_text("import sys\nsys.exit(0)\n")
    (folder / "broken_of_mine.py").write_text("import tensorflow as tf\nx = undefined_name\n")
    return folder


def line(text: str) -> int:
    return SOURCE.splitlines().index(text) + 1


FAULTS = {
    "vector": ("def vector(s, y):", r"returns a tensor of the shape \(256, 2\), where one number"),
    "nothing": ("def nothing(s, y):", "returns None, where one number is expected"),
    "raises": ("    return tf.reduce_mean(tf.matmul(t, tf.zeros([3, 7])))", "failed at"),
    "constant": ("def constant(s, y):", "does not depend on the similarity"),
    "truth": ("def truth(s, y):", "returns bool, where a floating point number"),
    "one_argument": ("def one_argument(s):", "failed at .*: TypeError: .*too many positional"),
    "leaves": ("def leaves(s, y):", "failed at .*: SystemExit: 0$"),
    "key_error": ('    return {}["a"]', "failed at .*: KeyError: 'a'$"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_one_sentence_with_the_line(folder, name):
    text, words = FAULTS[name]
    changes = {
        "loss": {"name": "custom", "function": f"losses_of_mine.{name}", "sampled_mismatches": 1}
    }
    load_changed(folder, **changes)
    with pytest.raises(ConfigError, match=words) as caught:
        load_to_train(folder / "config.yaml")
    message = str(caught.value)
    assert f"{folder}/losses_of_mine.py:{line(text)}" in message
    assert message.startswith(f"{folder}/config.yaml: loss.function = losses_of_mine.{name} ")
    assert "\n" not in message
    assert "\x1b" not in message


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("losses_of_mine.absent", "AttributeError: .*has no attribute 'absent'"),
        ("losses_of_mine.NUMBER", "is not a function"),
        ("leaving_of_mine.loss", "SystemExit: 0"),
        ("broken_of_mine.loss", "NameError: name 'undefined_name' is not defined"),
    ],
)
def test_a_function_that_cannot_be_imported(folder, function, words):
    load_changed(folder, loss={"name": "custom", "function": function})
    with pytest.raises(ConfigError, match=f"loss.function = {function} .*{words}"):
        load_to_train(folder / "config.yaml")


def searched(folder, function: str) -> dict:
    """A config whose own loss is built in, with a search that tries a function of the folder."""
    values = [{"name": "info_nce"}, {"name": "custom", "function": function}]
    return {"tune": {"space": {"loss": {"values": values}}}}


def test_a_function_that_only_a_search_tries_is_found_and_digested(folder):
    load_changed(folder, **searched(folder, "losses_of_mine.branches"))
    config = load_to_compile(folder / "config.yaml")
    [_, _, custom_loss] = [content_digests(trained) for trained in config.trained()]
    before = custom_loss["loss.function"]
    file = folder / "losses_of_mine.py"
    file.write_text(file.read_text() + "\n# edited\n")
    assert content_digests(config.trained()[2])["loss.function"] != before


def test_a_function_that_only_a_search_tries_is_checked_before_the_run(folder):
    load_changed(folder, **searched(folder, "losses_of_mine.NUMBER"))
    with pytest.raises(
        ConfigError, match=r"loss.function = losses_of_mine.NUMBER .*not a function"
    ):
        load_to_train(folder / "config.yaml")


def test_python_branches_on_tensors_work_as_in_a_graph_of_tensorflow(folder):
    load_changed(folder, loss={"name": "custom", "function": "losses_of_mine.branches"})
    load_to_compile(folder / "config.yaml")
    given = CustomConfig(
        name="custom", function="losses_of_mine.branches", pairs="all", arguments={"cut": 0.25}
    )
    loss = custom.load(given)
    label = tf.eye(2, dtype=tf.bool)
    # The means are 0.5, above the cut and doubled, and 0.125, below it.
    for value, expected in ((0.5, 1.0), (0.125, 0.125)):
        assert loss(tf.fill([2, 2], value), label, cut=0.25).numpy() == np.float32(expected)


def test_a_module_that_another_one_hides_is_refused(tmp_path):
    (tmp_path / "yaml.py").write_text("def loss(s, y): return s")
    load_changed(tmp_path, loss={"name": "custom", "function": "yaml.loss"})
    with pytest.raises(ConfigError) as caught:
        load_to_compile(tmp_path / "config.yaml")
    installed = importlib.import_module("yaml").__file__
    assert str(caught.value) == (
        f"{tmp_path}/config.yaml: loss.function = 'yaml.loss': the module yaml beside the config "
        f"is hidden by {installed}; give it another name"
    )


def test_a_module_that_a_link_leads_to_is_the_one_beside_the_config(tmp_path, monkeypatch):
    """As where PYTHONPATH names the config's folder by a link."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "linked_losses.py").write_text("def loss(s, y): return s")
    monkeypatch.syspath_prepend(str(tmp_path / "link"))
    load_changed(tmp_path / "real", loss={"name": "custom", "function": "linked_losses.f"})
    loaded = load_to_compile(tmp_path / "real" / "config.yaml")
    assert isinstance(loaded.loss, CustomConfig)
    assert loaded.loss.function == "linked_losses.f"


def test_a_module_that_is_nowhere_is_refused(tmp_path):
    load_changed(tmp_path, loss={"name": "custom", "function": "nowhere_of_mine.loss"})
    with pytest.raises(ConfigError, match="names no module that can be imported"):
        load_to_train(tmp_path / "config.yaml")


def test_without_the_config_an_absent_function_is_an_input_error():
    with pytest.raises(InputError, match="cannot be imported: ModuleNotFoundError"):
        custom.load(CustomConfig(name="custom", function="nowhere_of_mine.loss"))


def test_the_example_of_the_documentation_is_whole(tmp_path):
    page = (ROOT / "docs" / "training.md").read_text()
    [section] = re.findall(r"### A loss of your own\n(.*?)\n##+ ", page, re.DOTALL)
    [source] = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    [section_of_config] = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    name = source.splitlines()[0].removeprefix("# ")
    (tmp_path / name).write_text(source)
    load_changed(tmp_path, **yaml.safe_load(section_of_config))
    given = load_to_train(tmp_path / "config.yaml").loss
    assert isinstance(given, CustomConfig)
    loss = custom.load(given)
    found = loss(tf.constant([[0.6], [-0.2]]), tf.constant([[True], [False]]), gamma=2.0)
    # A match at 0.6 and a mismatch at -0.2 are right to (1 + 0.6) / 2 = 0.8 and (1 + 0.2) / 2 =
    # 0.6: (0.2^2 x -ln 0.8 + 0.4^2 x -ln 0.6) / 2 = (0.04 x 0.2231 + 0.16 x 0.5108) / 2.
    assert found.numpy() == pytest.approx(0.045329, abs=1e-5)


def test_it_trains(folder, tmp_path):
    load_changed(folder, loss={"name": "custom", "function": "losses_of_mine.branches"})
    load_to_compile(folder / "config.yaml")
    given = config(
        loss={"name": "custom", "function": "losses_of_mine.branches", "arguments": {"cut": 0.9}},
        training={"epochs": 1},
    )
    files = write_records(tmp_path / "data", 36)
    before = weights(TrainableDualEncoder(given))
    after = weights(trained(given, files, tmp_path))
    assert any(abs(a - b).max() > 1e-3 for a, b in zip(before, after, strict=True))
