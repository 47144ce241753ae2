"""From the artifacts of a run to a release, and what is said of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from components.baseline import component as baseline
from components.catalogue_index.config import IndexConfig
from components.catalogue_index.report import REPORT, IndexReport
from components.evaluator import gates as verdict
from components.evaluator.gates import Verdict
from components.pusher import outcome
from components.pusher.measurements import gather
from components.release import contents
from components.release.contents import Contents
from components.release.files import manifest
from components.release.gates import GateResult
from components.release.store import ReleaseStore
from schema.errors import InputError
from schema.serving_names import CHECK_REPORT, FOLDERS, MODELS, WARMUP_FILE, WARMUP_FOLDER
from tests.support.releases import gathered, store_in, writer


def trained(folder: Path, body: str) -> Path:
    """A Trainer's artifact of a few bytes."""
    for model in MODELS:
        saved = folder / FOLDERS[model]
        (saved / "variables").mkdir(parents=True)
        (saved / "saved_model.pb").write_text(f"{model} {body}")
        (saved / "variables" / "variables.index").write_text(f"weights {model} {body}")
    return folder


def checked(folder: Path, *failures: str) -> Path:
    """A ServingCheck's artifact."""
    checks = [{"name": "loads", "passed": True, "sentence": "all three load"}]
    checks += [{"name": f, "passed": False, "sentence": f"{f} is broken"} for f in failures]
    latency = {"embed_text": {"p50": 1.0, "p99": 2.0}}
    folder.mkdir()
    (folder / CHECK_REPORT).write_text(
        json.dumps({"passed": not failures, "checks": checks, "latency_ms": latency})
    )
    for model in MODELS:
        (folder / WARMUP_FOLDER / model).mkdir(parents=True)
        (folder / WARMUP_FOLDER / model / WARMUP_FILE).write_text(f"warm {model}")
    return folder


def evaluated(folder: Path, passed: bool = True, compared: int | None = None) -> Path:
    folder.mkdir()
    gates = (GateResult(passed=passed, sentence="recall is 0.5"),)
    found = Verdict(passed=passed, baseline=compared, gates=gates, metrics={"mrr": 0.6})
    verdict.write(found, str(folder))
    return folder


def content(tmp_path: Path, body: str, given: Any) -> Contents:
    return Contents(
        model=trained(tmp_path / f"model-{body}", body),
        serving_check=checked(tmp_path / f"check-{body}"),
        folders={contents.EVALUATION: evaluated(tmp_path / f"evaluation-{body}")},
        gathered=given,
        config={"name": "emoji", "training": {"epochs": 3}, "text": {"sizes": [1, 2]}},
        data={"span": "0"},
        curves={"train/loss": ((0, 1.5),)},
    )


@pytest.fixture
def releases(tmp_path) -> ReleaseStore:
    return store_in(tmp_path / "push")


def test_a_release_holds_the_models_with_their_warm_up_and_all_that_led_to_them(releases, tmp_path):
    pushed = outcome.push(releases, content(tmp_path, "a", gathered(None)))
    assert (pushed.release, pushed.champion) == (1, True)
    assert pushed.sentence == "release 1 serves now"
    for model in MODELS:
        saved = releases.folders.model(1, model)
        assert (saved / "saved_model.pb").read_text() == f"{model} a"
        assert (saved / "assets.extra" / WARMUP_FILE).read_text() == f"warm {model}"
    told = manifest.verify(releases.folders.path(1))
    assert told.config == {
        "name": "emoji",
        "training.epochs": 3,
        "text.sizes.0": 1,
        "text.sizes.1": 2,
    }
    assert told.curves == {"train/loss": ((0, 1.5),)}
    assert told.metrics == {"mrr": 0.5}
    assert {"check.json", "config.json", "evaluation/verdict.json"} < set(told.files)


def test_a_push_says_what_became_of_it(releases, tmp_path):
    first = content(tmp_path, "a", gathered(None))
    outcome.push(releases, first)
    again = outcome.push(releases, first)
    assert (again.release, again.champion, again.sentence) == (1, True, "release 1 serves already")
    refused = outcome.push(releases, content(tmp_path, "b", gathered(1, "no", "and no")))
    assert (refused.release, refused.champion, refused.sentence) == (2, False, "no; and no")
    better = outcome.push(releases, content(tmp_path, "c", gathered(1)))
    assert better.sentence == "release 3 serves now, in place of release 1"
    late = outcome.push(releases, content(tmp_path, "d", gathered(1)))
    assert late.sentence == "release 4 was compared with release 1, and release 3 serves now"
    assert releases.champion() == 3


def test_every_kind_of_gate_refuses(tmp_path):
    good = gather(evaluated(tmp_path / "e", compared=4), checked(tmp_path / "c"), None)
    assert good.decision.passed
    assert good.decision.baseline == 4
    assert good.metrics == {"mrr": 0.6, "embed_text_p50_ms": 1.0, "embed_text_p99_ms": 2.0}
    index = tmp_path / "i"
    index.mkdir()
    found = IndexReport(kind="exact", vectors=9, dim=2).gated(0.7, 5, IndexConfig())
    (index / REPORT).write_text(found.model_dump_json())
    bad = gather(
        evaluated(tmp_path / "e2", passed=False), checked(tmp_path / "c2", "finite"), index
    )
    assert bad.decision.refusals == (
        "recall is 0.5",
        "serving check finite: finite is broken",
        "index_recall_at_10 = 0.7000 < 0.9500 (exact index of 9 vectors against exact search, "
        "5 captions)",
    )
    assert bad.metrics["index_recall_at_10"] == 0.7
    assert [gate.passed for gate in bad.gates] == [False, False, False]
    assert good.gates[1].sentence == "the export passed all 1 serving checks"


def test_the_baseline_is_whoever_serves(releases, tmp_path):
    candidate = trained(tmp_path / "candidate", "new")
    assert baseline.baseline_for(releases, candidate) == baseline.NONE
    releases.publish(writer("a"))
    assert baseline.baseline_for(releases, candidate) == baseline.NONE  # a challenger serves nobody
    releases.promote(1)
    assert baseline.baseline_for(releases, candidate) == 1
    # A model that serves already is compared with what it replaced.
    assert baseline.baseline_for(releases, trained(tmp_path / "a", "a")) == baseline.NONE
    releases.publish(writer("b", 1))
    releases.promote(2)
    assert baseline.baseline_for(releases, trained(tmp_path / "b", "b")) == 1
    assert baseline.baseline_for(releases, candidate) == 2


def test_the_baseline_brings_model_and_statistics_after_a_check(releases, tmp_path):
    for name in ("none", "one", "damaged"):
        (tmp_path / name).mkdir()
    baseline.write(releases, baseline.NONE, tmp_path / "none")
    assert [p.name for p in (tmp_path / "none").iterdir()] == [baseline.FILE]
    assert json.loads((tmp_path / "none" / baseline.FILE).read_text()) == {"release": None}
    releases.publish(writer("a"))
    releases.promote(1)
    baseline.write(releases, 1, tmp_path / "one")
    assert json.loads((tmp_path / "one" / baseline.FILE).read_text()) == {"release": 1}
    model = tmp_path / "one" / FOLDERS["joint"] / "saved_model.pb"
    assert model.read_text() == "joint a"
    assert (tmp_path / "one" / contents.STATISTICS / "stats.pb").read_text() == "a"
    (releases.folders.model(1, "joint") / "saved_model.pb").write_text("joint x")
    with pytest.raises(InputError, match=r"joint/1/saved_model.pb was changed after its release"):
        baseline.write(releases, 1, tmp_path / "damaged")


def test_a_champion_whose_files_are_gone_is_no_baseline_and_is_noticed(releases):
    import shutil

    releases.publish(writer("a"))
    releases.promote(1)
    assert releases.lost() == []
    shutil.rmtree(releases.folders.path(1))
    assert releases.lost() == [1]
    assert baseline.baseline_for(releases, None) == baseline.NONE
