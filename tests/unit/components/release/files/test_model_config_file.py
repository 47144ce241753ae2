"""The file that tells TensorFlow Serving which release to load."""

import pytest
from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from components.release.files import model_config_file
from schema.errors import InputError
from schema.serving_names import MODELS


def test_a_server_in_a_container_gets_its_own_paths():
    text = model_config_file.text("emoji", "/models/releases", 7)
    parsed = text_format.Parse(text, ModelServerConfig())
    assert [c.base_path for c in parsed.model_config_list.config] == [
        f"/models/releases/7/{model}" for model in MODELS
    ]


def test_number_and_pipeline_are_read_back(tmp_path):
    assert model_config_file.number(tmp_path) is None
    assert model_config_file.name(tmp_path) is None
    content = model_config_file.text("emoji", str(tmp_path), 7)
    assert model_config_file.write(tmp_path, content)
    assert not model_config_file.write(tmp_path, content)  # it says so already
    assert model_config_file.number(tmp_path) == 7
    assert model_config_file.name(tmp_path) == "emoji"
    (tmp_path / model_config_file.FILE).unlink()
    (tmp_path / model_config_file.FILE).mkdir()
    with pytest.raises(InputError, match=r"models\.config: cannot be read: is not a plain file"):
        model_config_file.number(tmp_path)
