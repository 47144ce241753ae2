"""Let TensorFlow save a model whose assets are below a folder with any name, such as `jürgen`.

TensorFlow 2.21 decodes the path of an asset as ASCII while it saves a model; the rest of it, Beam
and TFX accept any path. There is no public way around that, so this replaces one name in a private
module. `test_asset_paths.py` fails when TensorFlow no longer needs this, or has moved the name.
"""

from typing import Any

from tensorflow.python.framework import tensor_util
from tensorflow.python.saved_model import save


class _Decoded:
    """The part of `tensor_util` that `save` uses, with constant strings decoded as UTF-8."""

    @staticmethod
    def constant_value(tensor: Any) -> Any:
        value = tensor_util.constant_value(tensor)
        text = value.item() if hasattr(value, "item") else value
        return text.decode() if isinstance(text, bytes) else value


def allow_any() -> None:
    """Change TensorFlow in this process; call it before a model is saved, any number of times."""
    save.tensor_util = _Decoded
