"""However long a config or its values are, a refusal is one short line."""

import pytest

from tests.test_config import refusal


def test_of_many_mistakes_the_first_ones_are_described(tmp_path):
    sentence = refusal(tmp_path, **{f"key_{n}": n for n in range(1000)})
    assert sentence.count(" is no key of the config") == 5
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
        ({"x" * 5000: 1}, "xxxxxxxx", "xxx is no key of the config"),
        (
            {"model__image_tower": {"kind": "x" * 5000}},
            "model.image_tower.kind = 'xxxxx",
            "xxx' is none of 'conv', 'convnet', 'vit', 'keras_application', 'keras_hub'",
        ),
        (
            {"model__image_tower": {"kind": "keras_application", "name": "x" * 4000}},
            "model.image_tower.name: 'xxxxx",
            "xxx' is no model of keras.applications; the nearest are ",
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
