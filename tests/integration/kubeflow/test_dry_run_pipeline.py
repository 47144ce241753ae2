"""The whole pipeline from the compiled package alone: first without a baseline, then with one."""

import dataclasses
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
import yaml
from typer.testing import CliRunner

from components.nodes import NODES
from kubeflow.dry_run import pod
from tests.support.kubeflow_config import section
from tests.support.small_run import EVAL_RECORDS, TRAIN_RECORDS, small_values
from tests.support.warm_python import WarmPython

WARM_MODULES = ["kubeflow.entrypoint.node"]  # TFX


@dataclasses.dataclass
class DryRuns:
    """The workspace of two dry runs, and what each printed and left."""

    folder: Path
    printed: list[str]
    codes: list[int]
    baselines: list[Any]
    files: dict[str, Path]


@pytest.fixture(scope="module")
def dry_runs(small_data: Path, warm_python: WarmPython) -> DryRuns:
    """Run the small pipeline dry twice, the second time for fewer epochs.

    The Trainer's and the Pusher's commands of the first are started as they are; the others, and
    those of the second run, find TFX imported.
    """
    from diptych.cli.main import app

    folder = small_data.parent / "dry-runs"
    folder.mkdir()
    file = folder / "config.yaml"
    values = {**small_values(), "kubeflow": section()}
    values["data"]["path"] = str(small_data)
    file.write_text(yaml.safe_dump(values))
    last = folder / "runs" / "dry-run" / "last"
    printed, codes, baselines = [], [], []

    def forked(command: Sequence[str]) -> list[str]:
        assert command[:2] == ["python", "-c"]
        return warm_python.command(*command[1:])

    def partly_forked(command: Sequence[str]) -> list[str]:
        [executor] = command[command.index("--executor_class_path") + 1 :][:1] or [""]
        started_anew = "trainer" in executor or "pusher" in executor
        return pod_command(command) if started_anew else forked(command)

    pod_command = pod.ending_with_parent
    for given, start in (([], partly_forked), (["--set", "epochs=2"], forked)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pod, "ending_with_parent", start)
            ended = CliRunner().invoke(app, ["kubeflow", "dry-run", str(file), *given])
        assert ended.exit_code in (0, 3), ended.output
        printed.append(ended.output)
        codes.append(ended.exit_code)
        [baseline] = last.rglob("baseline.json")
        baselines.append(json.loads(baseline.read_text()))
    [examples] = last.rglob("ImageTextExampleGen/*/examples")
    [transform] = last.rglob("Transform/*/transform_graph")
    [transformed] = last.rglob("Transform/*/transformed_examples")
    files = {"examples": examples, "transform": transform, "transformed": transformed}
    return DryRuns(folder, printed, codes, baselines, files)


def test_every_task_ran_and_the_first_model_would_serve(dry_runs):
    first = dry_runs.printed[0]
    assert set(re.findall(r"^(\w+): ran, ", first, re.MULTILINE)) == set(NODES) - {
        "Tuner",
        "TowerConverter",
    }
    assert "shipped: release 1 serves now" in first
    assert dry_runs.codes[0] == 0
    assert dry_runs.baselines[0] == {"release": None}


def test_the_second_is_compared_with_the_first(dry_runs):
    assert dry_runs.baselines[1] == {"release": 1}
    second = dry_runs.printed[1]
    assert dry_runs.codes[1] == 3  # two epochs are no match for ten
    assert "release 2 waits as challenger" in second
    assert re.search(r"✗ text_to_image_mrr - release 1 = [\d.]+ - [\d.]+ = -[\d.]+ ", second)


def test_the_report_is_a_file_at_its_address_and_in_the_release(dry_runs):
    """Kubeflow's page of a run reads the very address of the artifact."""
    last = dry_runs.folder / "runs" / "dry-run" / "last"
    [page] = last.rglob("RunReport/*/page")
    [card] = last.rglob("RunReport/*/card")
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert card.read_text().startswith("---\n")
    release = dry_runs.folder / "runs" / "dry-run" / "releases" / "releases" / "2"
    assert (release / "report.html").read_bytes() == page.read_bytes()
    assert (release / "README.md").read_bytes() == card.read_bytes()


def test_a_run_parameter_reached_the_trainer_and_the_release(dry_runs):
    releases = dry_runs.folder / "runs" / "dry-run" / "releases" / "releases"
    epochs = [
        json.loads((releases / number / "config.json").read_text())["training"]["epochs"]
        for number in ("1", "2")
    ]
    assert epochs == [10, 2]
    content = json.loads((releases / "2" / "release.json").read_text())
    assert (
        content["data"]["fingerprint"]
        == json.loads((releases / "1" / "release.json").read_text())["data"]["fingerprint"]
    )


def records(folder: Path, split: str) -> int:
    files = sorted(str(path) for path in (folder / f"Split-{split}").glob("*.gz"))
    return sum(1 for _ in tf.data.TFRecordDataset(files, "GZIP"))


def test_it_is_the_same_pipeline_as_the_local_one(dry_runs, small_run):
    """The same records, the same vocabulary."""
    for split, expected in (("train", TRAIN_RECORDS), ("eval", EVAL_RECORDS)):
        assert records(dry_runs.files["examples"], split) == expected
        assert records(dry_runs.files["transformed"], split) == expected
    [local] = small_run.outputs["Transform"]["transform_graph"]
    ours, theirs = (
        sorted(Path(root).rglob("assets/*")) for root in (dry_runs.files["transform"], local.uri)
    )
    assert [path.name for path in ours] == [path.name for path in theirs]
    assert ours
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.read_bytes() == other.read_bytes()


def test_nothing_outside_of_the_workspace_was_touched(dry_runs):
    assert sorted(path.name for path in dry_runs.folder.iterdir()) == ["config.yaml", "runs"]
    kept = dry_runs.folder / "runs" / "dry-run"
    assert sorted(path.name for path in kept.iterdir()) == ["last", "lock", "releases"]
    # The config names a server for the registry; a dry run has its own.
    assert (kept / "releases" / "mlflow.db").is_file()
