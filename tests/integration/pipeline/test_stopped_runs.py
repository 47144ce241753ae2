"""A run that a signal ends: what it says, what it leaves, and that nothing half counts."""

import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto.metadata_store_pb2 import Execution

from pipeline.console.terminal import make_console
from pipeline.local import clean, runner
from pipeline.local.display import LineDisplay
from pipeline.local.session import Session
from pipeline.process import stopping
from tests.support.commands import Command, running, write_config
from trainer.training.preemption import PreemptedError, Preemption

SECONDS = 30.0  # ten on a machine that has nothing else to do


def one_node(folder: Path) -> Any:
    """A pipeline of a node without inputs."""
    from tfx.orchestration.pipeline import Pipeline

    from components.import_schema.component import CURATED, ImportSchema

    node = ImportSchema(curated=CURATED.read_text(), attributes="")
    return Pipeline("one", str(folder / "artifacts"), components=[node], enable_cache=True)


def states(folder: Path) -> list[int]:
    store = MetadataStore(clean.connection(folder))
    return [each.last_known_state for each in store.get_executions()]


def test_the_output_of_a_node_that_swallowed_the_signal_does_not_count(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(stopping, "signalled", lambda: True)
        with pytest.raises(KeyboardInterrupt):
            runner.run(one_node(tmp_path), tmp_path, lambda *_: None)
    assert states(tmp_path) == [Execution.CANCELED]
    assert not list((tmp_path / "artifacts").glob("*/*/*"))
    outcomes, _ = runner.run(one_node(tmp_path), tmp_path, lambda *_: None)
    assert outcomes == {"ImportSchema": "ran"}
    assert states(tmp_path) == [Execution.CANCELED, Execution.COMPLETE]
    assert [each.name for each in (tmp_path / "artifacts").glob("*/schema/*")] == ["2"]


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (KeyboardInterrupt(), "stopped in Trainer"),
        (RuntimeError("a stage of Beam failed: KeyboardInterrupt"), "stopped in Trainer"),
        ("step", "Trainer: training was stopped at step 3 of 9; no checkpoint was kept"),
    ],
)
def test_whatever_a_signal_leads_to_is_no_failure(tmp_path, monkeypatch, capsys, error, sentence):
    def run(pipeline: Any, workspace: Path, listen: Any) -> None:
        listen("Trainer", "started")
        if error == "step":
            try:
                Preemption().end_run(3, 9, saved=False)
            except PreemptedError as cause:
                raise runner.StoppedError("Trainer", {}) from cause
        raise error

    monkeypatch.setattr(runner, "run", run)
    monkeypatch.setattr(stopping, "signalled", lambda: True)
    session = Session(make_console(), tmp_path / "log", LineDisplay(sys.stdout))
    with pytest.raises(stopping.Interrupted) as caught:
        session.run(tmp_path, lambda: one_node(tmp_path))
    assert str(caught.value) == sentence
    assert "Trainer: stopped, 0.0 s\n" in capsys.readouterr().out


def asked_in_the_last_step(times: int) -> None:
    with Preemption() as stop:
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)
            assert stop.requested()


@pytest.mark.parametrize("times", [1, 2])  # twice: an impatient person
def test_training_that_ends_before_it_hears_of_a_signal_hands_it_on(times):
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        asked_in_the_last_step(times)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    ("number", "code", "workers"), [(signal.SIGINT, 130, 1), (signal.SIGTERM, 143, 2)]
)
def test_a_signal_in_a_stage_of_beam(tmp_path, number, code, workers):
    write_config(tmp_path, beam={"runner": "local", "workers": workers})
    command = Command("check", "config.yaml", folder=tmp_path)
    worker = "sdk_worker_main"

    def there() -> bool:
        if workers > 1:
            return any(worker in each for each in command.living())
        return "ImageTextExampleGen: started" in command.out.read_text()

    assert command.wait_until(there), command.err.read_text()
    time.sleep(0.3)
    command.process.send_signal(number)
    assert command.wait(SECONDS) == code
    assert command.err.read_text() == (
        "diptych: stopped in ImageTextExampleGen; a rerun continues after the last finished node\n"
    )
    assert command.left_after(SECONDS) == []
    assert list(command.temporary.iterdir()) == []
    assert running(tmp_path / "runs") == 0
