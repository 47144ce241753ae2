"""A model with a vocabulary is saved below a folder with any name, as Transform does it."""

from types import SimpleNamespace

import pytest
import tensorflow as tf
from tensorflow.python.framework import tensor_util
from tensorflow.python.saved_model import save
from tensorflow.python.util import object_identity

from trainer.preprocessing import asset_paths


class Asset:
    def __init__(self, asset_path: tf.Tensor):
        self.asset_path = asset_path


def noted_path(path: str) -> str:
    """Which file TensorFlow notes for an asset whose path is a constant of a graph."""
    info = save._AssetInfo(
        asset_defs=[],
        asset_initializers_by_resource=object_identity.ObjectIdentityDictionary(),
        asset_filename_map={},
        asset_index={},
    )
    variable = SimpleNamespace(initial_value=SimpleNamespace(name="path:0"), initializer=None)
    with tf.Graph().as_default():
        save._add_asset_info(Asset(tf.constant(path)), info, variable)
    [noted] = info.asset_filename_map.values()
    return noted


@pytest.mark.parametrize("folder", ["jürgen", "日本", "plain"])
def test_an_asset_may_lie_below_any_folder(folder, monkeypatch):
    monkeypatch.setattr(save, "tensor_util", save.tensor_util)
    asset_paths.allow_any()
    assert noted_path(f"/{folder}/vocabulary") == f"/{folder}/vocabulary"


def test_tensorflow_still_needs_it(monkeypatch):
    monkeypatch.setattr(save, "tensor_util", tensor_util)
    with pytest.raises(UnicodeDecodeError):
        noted_path("/jürgen/vocabulary")
