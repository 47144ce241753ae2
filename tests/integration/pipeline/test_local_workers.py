import os
import signal
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.beam.arguments import beam_arguments
from pipeline.beam.local_workers import DEAD, VARIABLE, local_workers
from pipeline.config.beam import LocalBeam
from schema.errors import sentence_for_people
from tests.support.flink.probe import ask_workers


@pytest.mark.parametrize("before", [None, "mine.json"])
def test_workers_started_meanwhile_are_told_what_to_import(tmp_path, monkeypatch, before):
    from apache_beam.runners.worker.sdk_worker_main import _load_pipeline_options

    monkeypatch.delenv(VARIABLE, raising=False)
    if before:
        monkeypatch.setenv(VARIABLE, before)
    with local_workers(tmp_path):
        text = Path(os.environ[VARIABLE]).read_text()
        # what a worker of this Beam makes of the file
        assert _load_pipeline_options(text)["beam_plugins"] == ["tfx", "tensorflow_text"]
    assert os.environ.get(VARIABLE) == before


def test_two_worker_processes_have_imported_them(tmp_path, small_run):
    [graph] = small_run.outputs["Transform"]["transform_graph"]
    with local_workers(tmp_path):
        answers = ask_workers(beam_arguments(LocalBeam(workers=2)), graph.uri, tmp_path)
    assert {answer for _, answer in answers} == {"works"}
    assert os.getpid() not in {process for process, _ in answers}


def die_at_five(number: int) -> int:
    if number == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


# Beam's own threads, which talked to the dead worker.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_killed_worker_fails_the_run_instead_of_being_waited_for(tmp_path):
    options = PipelineOptions(beam_arguments(LocalBeam(workers=2)))
    numbers = range(10)

    def run() -> None:
        with beam.Pipeline(options=options) as pipeline:
            _ = pipeline | beam.Create(numbers) | beam.Reshuffle() | beam.Map(die_at_five)

    with local_workers(tmp_path, imports=()), pytest.raises(RuntimeError) as caught:
        run()
    assert sentence_for_people(caught.value) == DEAD
