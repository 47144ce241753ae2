import os
from pathlib import Path

import pytest

from pipeline.beam_arguments import beam_arguments
from pipeline.beam_config import LocalBeam
from pipeline.beam_workers import VARIABLE, workers_import_first
from tests.flink.probe import ask_workers


@pytest.mark.parametrize("before", [None, "mine.json"])
def test_workers_started_meanwhile_are_told_what_to_import(tmp_path, monkeypatch, before):
    from apache_beam.runners.worker.sdk_worker_main import _load_pipeline_options

    monkeypatch.delenv(VARIABLE, raising=False)
    if before:
        monkeypatch.setenv(VARIABLE, before)
    with workers_import_first(tmp_path):
        text = Path(os.environ[VARIABLE]).read_text()
        # what a worker of this Beam makes of the file
        assert _load_pipeline_options(text)["beam_plugins"] == ["tfx", "tensorflow_text"]
    assert os.environ.get(VARIABLE) == before


def test_two_worker_processes_have_imported_them(tmp_path, small_run):
    [graph] = small_run.outputs["Transform"]["transform_graph"]
    with workers_import_first(tmp_path):
        answers = ask_workers(beam_arguments(LocalBeam(workers=2)), graph.uri, tmp_path)
    assert {answer for _, answer in answers} == {"works"}
    assert os.getpid() not in {process for process, _ in answers}
