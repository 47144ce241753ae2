"""The interface for Python programs: what `import diptych` offers."""

import numpy as np
import pytest

import diptych
from components.catalogue_index.config import IndexConfig
from tests.support.paths import EMOJI


def test_an_index_is_opened_by_the_folder_of_its_release(tmp_path):
    vectors = np.eye(3, dtype=np.float32)
    index = diptych.CatalogueIndex.build(["a", "b", "c"], vectors, IndexConfig())
    index.save(tmp_path / "index")
    keys, similarities = diptych.open_index(str(tmp_path)).search(vectors[1:2], 1)
    assert (keys.tolist(), similarities.tolist()) == ([["b"]], [[1.0]])


def test_a_release_without_an_index_is_named(tmp_path):
    with pytest.raises(diptych.InputError, match=f"^{tmp_path}/index"):
        diptych.open_index(tmp_path)


def test_the_releases_of_a_config(tmp_path):
    config = diptych.load_config(EMOJI)
    assert config.name == "emoji"
    config = config.model_copy(
        update={"push": config.push.model_copy(update={"path": str(tmp_path)})}
    )
    store = diptych.open_releases(config)
    assert store.champion() is None
    assert store.folders.numbers() == []
