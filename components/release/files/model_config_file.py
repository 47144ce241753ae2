"""TensorFlow Serving's model config file: which version of the three models it loads."""

import re
from pathlib import Path

from google.protobuf import text_encoding

from components.release.files.atomic_files import atomic_write, read_plain
from schema.errors import InputError
from schema.serving_names import MODELS

FILE = "models.config"

_MODEL = """  config {{
    name: "{name}"
    base_path: "{base_path}"
    model_platform: "tensorflow"
    model_version_policy {{ specific {{ versions: {number} }} }}
  }}
"""


def model_name(pipeline: str, model: str) -> str:
    """Return the name of a model for clients: 'emoji', 'emoji-image-tower', 'emoji-text-tower'."""
    return pipeline if model == MODELS[0] else f"{pipeline}-{model.replace('_', '-')}"


def text(pipeline: str, releases: str, number: int) -> str:
    """Return a `ModelServerConfig` in text format: all three models pinned to one number.

    Args:
        pipeline: name of the joint model.
        releases: the folder of the releases as the server sees it.
        number: the release.
    """
    models = "".join(
        _MODEL.format(
            name=model_name(pipeline, model),
            base_path=text_encoding.CEscape(f"{releases}/{number}/{model}", as_utf8=True),
            number=number,
        )
        for model in MODELS
    )
    return f"model_config_list {{\n{models}}}\n"


def write(folder: Path, content: str) -> bool:
    """Replace the file in one step; False if it has this content already."""
    path = folder / FILE
    if path.is_file() and path.read_bytes() == content.encode():
        return False
    atomic_write(path, content)
    return True


def number(folder: Path) -> int | None:
    """Return the release that the file names; None where there is no such file or it names none.

    Raises:
        InputError: the file cannot be read.
    """
    match = re.search(r"versions: (\d{1,9})\b", _read(folder))
    return int(match[1]) if match else None


def name(folder: Path) -> str | None:
    """Return the pipeline whose models the file names; None as in `number`.

    Raises:
        InputError: the file cannot be read.
    """
    match = re.search(r'name: "([^"\n]*)"', _read(folder))
    return match[1] if match else None


def _read(folder: Path) -> str:
    path = folder / FILE
    try:
        return read_plain(path).decode(errors="replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
