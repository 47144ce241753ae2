"""Releases of a few bytes, for tests of everything around them."""

import json
import time
from collections.abc import Callable
from pathlib import Path

from components.release import contents
from components.release.config import PushConfig
from components.release.files import manifest
from components.release.files.manifest import Manifest
from components.release.files.release_folders import NEW
from components.release.gates import Decision, GateResult, Gathered
from components.release.store import ReleaseStore
from schema.serving_names import CONFIG, JOINT, MODELS


def store_in(folder: Path) -> ReleaseStore:
    return ReleaseStore("emoji", PushConfig(path=str(folder)))


def aliases(store: ReleaseStore) -> dict[str, int | None]:
    """The release that each alias in MLflow names."""
    state = store.registry.state()
    return {} if state is None else {name: state.release_of(name) for name in state.aliases}


def versions(store: ReleaseStore) -> dict[int, str]:
    """MLflow's version by release."""
    state = store.registry.state()
    return {} if state is None else {n: each.version for n, each in state.releases.items()}


def writer(
    body: str,
    baseline: int | None = None,
    refusals: tuple[str, ...] = (),
    metrics: dict[str, float] | None = None,
) -> Callable[[Path], Manifest]:
    """What `ReleaseStore.publish` calls; `body` tells models apart."""

    def write(folder: Path) -> Manifest:
        for model in MODELS:
            inner = folder / model / NEW
            (inner / "variables").mkdir(parents=True)
            if model == JOINT:
                (inner / "assets").mkdir()
            (inner / "saved_model.pb").write_text(f"{model} {body}")
            (inner / "variables" / "variables.index").write_text(f"weights {model} {body}")
        found = manifest.digests(folder)
        files = {name.replace(f"/{NEW}/", "/"): value for name, value in found.items()}
        (folder / CONFIG).write_text(json.dumps({"body": body}))
        (folder / contents.STATISTICS).mkdir()
        (folder / contents.STATISTICS / "stats.pb").write_text(body)
        return Manifest(
            release=0,
            pipeline="emoji",
            run=f"run-{body}",
            created=time.time(),
            model_digest=manifest.combined(files),
            baseline=baseline,
            gates=judged(*refusals),
            data={"span": "3", "fingerprint": "f00d"},
            config={"training.epochs": 7, "name": "emoji"},
            metrics=metrics or {"text_to_image_recall_at_1": 0.5},
            curves={"train/loss": ((0, 2.0), (1, 1.5))},
            files=manifest.digests(folder),
            empty_folders=tuple(manifest.entries(folder)[1]),
        )

    return write


def decided(baseline: int | None, *refusals: str) -> Decision:
    return Decision(baseline=baseline, passed=not refusals, refusals=refusals)


def judged(*refusals: str) -> tuple[GateResult, ...]:
    if not refusals:
        return (GateResult(passed=True, sentence="every gate held"),)
    return tuple(GateResult(passed=False, sentence=sentence) for sentence in refusals)


def gathered(baseline: int | None, *refusals: str) -> Gathered:
    return Gathered(baseline, judged(*refusals), {"mrr": 0.5})
