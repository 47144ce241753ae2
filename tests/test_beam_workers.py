import os
from pathlib import Path

import pytest

from pipeline.beam_workers import VARIABLE, import_tfx_first


@pytest.mark.parametrize("before", [None, "mine.json"])
def test_workers_started_meanwhile_are_told_to_import_tfx(tmp_path, monkeypatch, before):
    from apache_beam.runners.worker.sdk_worker_main import _load_pipeline_options

    monkeypatch.delenv(VARIABLE, raising=False)
    if before:
        monkeypatch.setenv(VARIABLE, before)
    with import_tfx_first(tmp_path):
        text = Path(os.environ[VARIABLE]).read_text()
        # what a worker of this Beam makes of the file
        assert _load_pipeline_options(text)["beam_plugins"] == ["tfx"]
    assert os.environ.get(VARIABLE) == before
