"""Let TensorFlow save a model whose assets lie below a folder with any name, such as `jürgen`.

TensorFlow 2.21 decodes the path of an asset as ASCII while it saves a model; nothing else in it,
in Beam or in TFX minds. There is no public way around that, so one name of a private module is
replaced here. `test_asset_paths.py` fails when TensorFlow no longer needs this, or has moved what
it replaces.
"""

from typing import Any

from tensorflow.python.framework import tensor_util
from tensorflow.python.saved_model import save


class _Decoded:
    """`tensor_util` as `save` uses it: a constant text comes as `str`."""

    @staticmethod
    def constant_value(tensor: Any) -> Any:
        value = tensor_util.constant_value(tensor)
        text = value.item() if hasattr(value, "item") else value
        return text.decode() if isinstance(text, bytes) else value


def allow_any() -> None:
    """Change this process; call it before a model is saved, as often as you like."""
    save.tensor_util = _Decoded
