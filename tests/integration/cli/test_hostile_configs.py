"""Whatever a config file holds, and however long, a refusal is one short line."""

import os

import pytest

from pipeline.config.load_to_train import load_to_train
from pipeline.config.run_config import load
from schema.errors import ConfigError
from tests.support.changed_config import load_changed, refusal


def test_of_many_mistakes_the_first_ones_are_described(tmp_path):
    sentence = refusal(tmp_path, **{f"key_{n}": n for n in range(1000)})
    assert sentence.count(" is not a key of the config") == 5
    assert sentence.endswith("; and 995 more mistakes")


@pytest.mark.parametrize(
    ("changes", "start", "end"),
    [
        (
            {"name": "x" * 5000},
            "name = 'xxxxxxxx",
            "xxx': string should have at most 63 characters",
        ),
        (
            {"image__fit": "x" * 4000},
            "image.fit = 'xxxxxxxx",
            "xxx': input should be 'pad' or 'crop'",
        ),
        ({"push__path": "x" * 5000}, "push.path = 'xxx", "': string should have at most 4096"),
        ({"x" * 5000: 1}, "xxxxxxxx", "xxx is not a key of the config"),
        (
            {"model__image_tower": {"kind": "x" * 5000}},
            "model.image_tower.kind = 'xxxxx",
            "xxx' is none of 'conv', 'convnet', 'efficientnet_lite', 'keras_application'",
        ),
        (
            {"model__image_tower": {"kind": "keras_application", "name": "x" * 4000}},
            "model.image_tower.name: 'xxxxx",
            "xxx' is not a model of keras.applications; the nearest are ",
        ),
        ({"data__splits": {"../up": "*.tar"}}, "data.splits.../up.[key] = '../up': string", ""),
        ({"data__attributes": ["a" * 65]}, "data.attributes.0 = 'aaa", "at most 64 characters"),
        ({"push__path": "a/" + "x" * 256}, "the path 'a/xxx", "has a name of 256 bytes in it"),
        ({"workspace": "a\nb"}, "the path 'a\\nb' is not one line", ""),
        ({"data__path": "s3://" + "x" * 300 + "\n"}, "the path 's3://", "is not one line"),
        ({"kubeflow__image": "a b"}, "kubeflow.image = 'a b': string should match pattern", ""),
        (
            {"kubeflow__every_node": {"node_selector": {"a": "b c"}}},
            "kubeflow.every_node.node_selector.a = 'b c': string should match pattern",
            "",
        ),
        (
            {"training__batch_size": 10**40},
            "training.batch_size = 1000000",
            "000: input should be ",
        ),
    ],
)
def test_long_values_are_cut_in_sentences(tmp_path, changes, start, end):
    sentence = refusal(tmp_path, **changes)
    assert sentence.startswith(start)
    assert end in sentence
    assert len(sentence) < 400


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: [", "is not valid YAML"),
        ("name: a\n---\nname: b", r"holds 2 documents \(separated by ---\), and one is expected"),
        ("# nothing", "holds no config"),
        ("a: &a [*a]", "line 1: the alias 'a' holds itself"),
        ("a: " + "x" * 200_000, "is larger than 131,072 bytes"),
        ("- a", "holds no config"),
        ("", "holds no config"),
        ("name: a\nname: b", "the key 'name' stands twice"),
        ("\x00", "is not valid YAML"),
    ],
)
def test_files_that_hold_no_config(tmp_path, text, sentence):
    file = tmp_path / "config.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=sentence):
        load(file)


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(ConfigError, match=r"absent\.yaml: No such file .*; name another config"):
        load(tmp_path / "absent.yaml")
    with pytest.raises(ConfigError, match="Is a directory, and a config is a YAML file; `diptych"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/dev/zero", "is neither a file nor a folder"),
        ("pipe", "is neither a file nor a folder"),
        ("large", "is larger than 16,777,216 bytes, the most that is read of it"),
        ("absent", "no such file or folder"),
    ],
)
def test_a_vocabulary_is_read_like_a_config(tmp_path, path, reason):
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1 << 34)
    place = load_changed(tmp_path, text__vocabulary=path).text.vocabulary
    with pytest.raises(ConfigError) as caught:
        load_to_train(tmp_path / "config.yaml")
    sentence = str(caught.value)
    assert sentence.startswith(f"{tmp_path}/config.yaml: text.vocabulary = {place}: ")
    assert sentence.endswith(reason)
