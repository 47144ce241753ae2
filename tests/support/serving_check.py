"""The small run's export, and what several tests of ServingCheck do with it."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from components.serving_check.check import check_export
from components.serving_check.clients.isolated_client import Observed
from components.serving_check.config import ServingCheckConfig
from components.serving_check.report import CheckReport
from schema import serving_names
from tests.support.small_run import SmallRun
from trainer.export import golden_outputs, saved_models
from trainer.models.dual_encoder import DualEncoder

HASTY = ServingCheckConfig(latency_calls=1)

NAMES = [
    "golden-outputs",
    *("fresh-process", "vocabulary", "variables", "loads", "signatures", "dtypes"),
    *("answers", "shapes", "finite", "unit-norm", "agreement", "channels", "towers-agree"),
    *("batch-independent", "odd-images", "damaged-images", "as-received", "warm-up"),
    *("latency", "tensorflow-serving"),
]


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@dataclasses.dataclass
class Original:
    """The small run's export, and the means to write it again differently."""

    folder: Path
    files: list[str]
    run: SmallRun

    @classmethod
    def of(cls, run: SmallRun) -> "Original":
        [model] = run.outputs["Trainer"]["model"]
        [examples] = run.outputs["ImageTextExampleGen"]["examples"]
        files = sorted(str(p) for p in Path(examples.uri, "Split-eval").iterdir())
        return cls(Path(model.uri), files, run)

    def copy(self, where: Path) -> Path:
        shutil.copytree(self.folder, where)
        return where

    def export_again(self, where: Path) -> None:
        """The same weights in new networks, traced and written anew."""
        trained = self.run.served
        model = DualEncoder(self.run.config.for_trainer())
        model.image_tower.set_weights(trained.image_tower._network.get_weights())
        model.text_tower.set_weights(trained.text_tower._network.get_weights())
        where.mkdir()
        shutil.copy(self.folder / serving_names.GOLDEN_OUTPUTS, where)
        again = saved_models.Served(model, trained._transform, trained._raw_spec)
        saved_models.export(again, str(where))

    def examine(self, folder: Path, config: ServingCheckConfig = HASTY) -> CheckReport:
        return check_export(
            {name: str(folder / below) for name, below in serving_names.FOLDERS.items()},
            golden_outputs.read(str(folder / serving_names.GOLDEN_OUTPUTS)),
            self.files,
            config,
            normalize=True,
            folder=str(folder / "checked"),
        )


def flip_a_byte(file: Path, where: float) -> None:
    body = bytearray(file.read_bytes())
    body[int(where * len(body))] ^= 0x10
    file.write_bytes(body)


def data_file(folder: Path, model: str) -> Path:
    [file] = (folder / serving_names.FOLDERS[model] / "variables").glob("*.data-*")
    return file


def observed(**answers) -> Observed:
    whole: dict[str, Any] = {
        "assets": {"vocabulary": 9},
        "variables": None,
        "load": None,
        "not_finite": [],
    }
    arrays = {key: {"embedding": np.asarray(v, np.float32)} for key, v in answers.items()}
    return Observed([], {"joint": whole}, {}, {}, arrays)
