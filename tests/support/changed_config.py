"""The emoji config with some keys replaced, and what is said of one that is refused."""

from pathlib import Path

import pytest
import yaml

from pipeline.config.run_config import RunConfig, load
from schema.errors import ConfigError
from tests.support.paths import EMOJI


def load_changed(tmp_path: Path, **changes) -> RunConfig:
    """Write and load the emoji config with some keys replaced.

    'a__b' reaches into a section, None deletes. Captions are drawn, so that any loss will do.
    """
    values = yaml.safe_load(EMOJI.read_text())
    values["training"]["captions"] = "one"
    for path, value in changes.items():
        *sections, key = path.split("__")
        section = values
        for name in sections:
            section = section[name]
        if value is None:
            del section[key]
        else:
            section[key] = value
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(values))
    return load(file)


def refusal(tmp_path: Path, **changes) -> str:
    with pytest.raises(ConfigError) as caught:
        load_changed(tmp_path, **changes)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}/config.yaml: ")
    assert "\n" not in message
    return message.removeprefix(f"{tmp_path}/config.yaml: ")
