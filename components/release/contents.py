"""Make the files of a release from the artifacts of a run."""

import dataclasses
import datetime
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.release.files import manifest
from components.release.files.manifest import Manifest
from components.release.files.release_folders import NEW
from components.release.gates import Gathered
from schema.serving_names import CHECK_REPORT, CONFIG, FOLDERS, MODELS, WARMUP_FILE, WARMUP_FOLDER

TRAINED_ON = "trained_on.npy"  # digests of the records of the train split
REPORT, MODEL_CARD = "report.html", "README.md"  # the Hugging Face Hub asks for this name
EVALUATION, STATISTICS, TRANSFORM_GRAPH, INDEX, PORTABLE = (
    "evaluation",
    "statistics",
    "transform_graph",
    "index",
    "portable",
)


@dataclasses.dataclass(frozen=True)
class Contents:
    """The parts of one release.

    `model` is a Trainer's artifact, `serving_check` a ServingCheck's, `folders` are further
    artifacts by their name in the release, and `files` single files by theirs.
    """

    model: Path
    serving_check: Path
    folders: Mapping[str, Path]
    gathered: Gathered
    config: Mapping[str, Any]
    data: Mapping[str, str]
    curves: Mapping[str, tuple[tuple[int, float], ...]]
    files: Mapping[str, Path] = dataclasses.field(default_factory=dict)

    def write(self, folder: Path) -> Manifest:
        """Fill an empty folder and describe it; see `ReleaseStore.publish`."""
        for name in MODELS:
            shutil.copytree(self.model / FOLDERS[name], folder / name / NEW)
            warmup = self.serving_check / WARMUP_FOLDER / name / WARMUP_FILE
            if warmup.exists():
                extra = folder / name / NEW / "assets.extra"
                extra.mkdir(exist_ok=True)
                shutil.copy(warmup, extra)
        for name, source in self.folders.items():
            shutil.copytree(source, folder / name)
        for name, source in self.files.items():
            shutil.copy(source, folder / name)
        shutil.copy(self.serving_check / CHECK_REPORT, folder)
        (folder / CONFIG).write_text(json.dumps(self.config, indent=2) + "\n", encoding="utf-8")
        now = datetime.datetime.now()
        return Manifest(
            release=0,
            pipeline=self.config["name"],
            run=f"{now:%Y-%m-%dT%H-%M-%S}",
            created=now.timestamp(),
            model_digest=model_digest(self.model),
            baseline=self.gathered.baseline,
            gates=self.gathered.gates,
            data=dict(self.data),
            config=flat(self.config),
            metrics=dict(self.gathered.metrics),
            curves=dict(self.curves),
            files=manifest.digests(folder),
            empty_folders=tuple(manifest.entries(folder)[1]),
        )

    def bytes(self) -> int:
        """Return the size of the files in bytes; the models are most of it."""
        sources = [self.model, self.serving_check, *self.folders.values(), *self.files.values()]
        paths = (path for source in sources for path in [source, *source.rglob("*")])
        return sum(path.stat().st_size for path in paths if path.is_file())


def model_digest(model: Path) -> str:
    """Return one digest of the three SavedModels of a Trainer's artifact."""
    digests = {}
    for name in MODELS:
        for path in sorted((model / FOLDERS[name]).rglob("*")):
            if path.is_file():
                inside = path.relative_to(model / FOLDERS[name])
                digests[f"{name}/{inside}"] = manifest.digest(path)
    return manifest.combined(digests)


def flat(config: Any, prefix: str = "") -> dict[str, Any]:
    """Return {'a.b': 1, 'c.0': 2} for {'a': {'b': 1}, 'c': [2]}."""
    if isinstance(config, Mapping):
        items = config.items()
    elif isinstance(config, (list, tuple)):
        items = {str(n): value for n, value in enumerate(config)}.items()
    else:
        return {prefix: config}
    flattened: dict[str, Any] = {}
    for key, value in items:
        flattened |= flat(value, f"{prefix}.{key}" if prefix else str(key))
    return flattened
