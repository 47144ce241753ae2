"""Baseline: the release that serves now, for the Evaluator to compare with.

It asks not which model was blessed last but which one serves. A model that serves already is not
compared with itself: a rerun that changed nothing is compared with what it replaced back then, so
that its evaluation stays cached.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_driver, base_executor, executor_spec
from tfx.orchestration import data_types_utils
from tfx.orchestration.portable import base_driver as portable
from tfx.orchestration.portable import data_types
from tfx.proto.orchestration import driver_output_pb2
from tfx.types import Artifact, artifact_utils, channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.release import contents, manifest
from components.release.releases import Releases, open_releases
from schema.served import FOLDERS, JOINT

FILE = "baseline.json"  # {"release": its number, or null}
CANDIDATE, MODEL, CONFIG, RELEASE = "candidate", "model", "config", "release"
NONE = 0  # no release has this number


def baseline_for(releases: Releases, candidate: Path | None) -> int:
    """The release to compare a model with, `NONE` if nothing serves or its files are gone.

    Args:
        releases: of the pipeline.
        candidate: a Trainer's artifact, if there is one.
    """
    champion = releases.champion()
    if champion is None or champion in releases.lost():
        return NONE
    if candidate is not None:
        serving = manifest.read(releases.shelf.path(champion))
        if serving.model_digest == contents.model_digest(candidate):
            return serving.baseline or NONE
    return champion


def write(releases: Releases, release: int, folder: Path) -> None:
    """Copy what the Evaluator needs of a release, after its files were checked.

    Raises:
        InputError: a file of the release is damaged; names it.
    """
    if release != NONE:
        shelf = releases.shelf
        shelf.verified(release, releases.recorded_digest(release))
        shutil.copytree(shelf.model(release, JOINT), folder / FOLDERS[JOINT])
        shutil.copytree(shelf.path(release) / contents.STATISTICS, folder / contents.STATISTICS)
    told = {"release": release if release != NONE else None}
    (folder / FILE).write_text(json.dumps(told) + "\n", encoding="utf-8")


class Driver(base_driver.BaseDriver, portable.BaseDriver):  # TFX's compiler asks for the first
    """Looks the champion up before TFX asks its cache, so that a new champion is no old news."""

    def __init__(self, metadata_handle: Any):
        portable.BaseDriver.__init__(self, metadata_handle)

    def run(self, execution_info: data_types.ExecutionInfo) -> driver_output_pb2.DriverOutput:
        """Put the release into the execution properties."""
        told = execution_info.exec_properties
        told[RELEASE] = baseline_for(_releases(told), _candidate(execution_info.input_dict))
        output = driver_output_pb2.DriverOutput()
        for name, value in told.items():
            data_types_utils.set_metadata_value(output.exec_properties[name], value)
        return output


class Executor(base_executor.BaseExecutor):
    """Copies the release; where no driver ran, as on Kubeflow, it looks it up itself."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Write the baseline artifact."""
        releases = _releases(exec_properties)
        release = exec_properties.get(RELEASE)
        if release is None:
            release = baseline_for(releases, _candidate(input_dict))
        write(releases, int(release), Path(artifact_utils.get_single_uri(output_dict[MODEL])))


def _releases(told: dict[str, Any]) -> Releases:
    return open_releases(json.loads(told[CONFIG]))


def _candidate(inputs: Any) -> Path | None:
    return Path(artifact_utils.get_single_uri(inputs[CANDIDATE])) if inputs.get(CANDIDATE) else None


class _Spec(ComponentSpec):
    PARAMETERS = {  # noqa: RUF012  TFX's way
        CONFIG: ExecutionParameter(type=str),
        RELEASE: ExecutionParameter(type=int, optional=True),
    }
    INPUTS = {CANDIDATE: ChannelParameter(type=standard_artifacts.Model, optional=True)}  # noqa: RUF012
    OUTPUTS = {MODEL: ChannelParameter(type=standard_artifacts.Model)}  # noqa: RUF012


class Baseline(base_component.BaseComponent):
    """The champion, as a model artifact with `baseline.json`; an empty one on the first run.

    Args:
        config: canonical JSON with `name`, `push` and `registry`.
        candidate: the model that will be compared with it.
    """

    SPEC_CLASS = _Spec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(self, config: str, candidate: channel.BaseChannel | None = None):
        output = types.Channel(type=standard_artifacts.Model)
        spec = _Spec(**{CONFIG: config, CANDIDATE: candidate, MODEL: output})
        super().__init__(spec=spec)
