"""A Beam stage on several threads: every element once, and no error is lost."""

import threading
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from components.beam_threads import OnThreads
from pipeline.beam.arguments import beam_arguments
from pipeline.config.beam import LocalBeam


def run(folder: Path, work) -> None:
    with beam.Pipeline(options=PipelineOptions(beam_arguments(LocalBeam()))) as pipeline:
        side = pipeline | "Side" >> beam.Create([str(folder)])
        _ = (
            pipeline
            | beam.Create(list(range(50)))
            | beam.ParDo(OnThreads(work), beam.pvalue.AsSingleton(side))
        )


def test_every_element_is_worked_on_once_and_done_at_the_end(tmp_path):
    def write(number: int, folder: str) -> None:
        with Path(folder, str(number)).open("x") as file:
            file.write(threading.current_thread().name)

    run(tmp_path, write)
    assert {path.name for path in tmp_path.iterdir()} == {str(number) for number in range(50)}
    names = {path.read_text() for path in tmp_path.iterdir()}
    assert threading.current_thread().name not in names


@pytest.mark.parametrize("bad", [0, 25, 49])
def test_an_error_of_any_element_fails_the_pipeline(tmp_path, bad):
    def fail(number: int, folder: str) -> None:
        if number == bad:
            raise ValueError(f"element {number} of {Path(folder).name}")

    with pytest.raises(Exception, match=f"element {bad} of {tmp_path.name}"):
        run(tmp_path, fail)


def test_as_many_run_at_once_as_there_are_cores(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2})
    running = threading.Semaphore(3)
    together = threading.Barrier(3)

    def work(_: int) -> None:
        assert running.acquire(blocking=False)
        together.wait(timeout=20)
        running.release()

    stage = OnThreads(work)
    stage.setup()
    stage.start_bundle()
    for number in range(9):
        stage.process(number)
    stage.finish_bundle()
    stage.teardown()
