"""The node ServedStatistics: the statistics of the data behind the release that serves now.

Data that serves already has not drifted from itself. A rerun that changed nothing is compared with
what the data was compared with back then, so that its validation stays cached: from a release whose
data and limits are those of this run the way leads on to the release that it was compared with.
Data that came to serve under other limits is accepted, and is compared with itself.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import Artifact, artifact_utils, channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components import release_lookup
from components.release import contents
from components.release.files import manifest
from components.release.files.manifest import Manifest
from components.release.store import ReleaseStore
from components.release_lookup import CONFIG, NONE, RELEASE, input_folder, serving

FILE = "served.json"  # {"release": its number, or null}
STATISTICS, CURRENT = "statistics", "current"
LIMITS = "data.drift."  # what their keys begin with in a manifest
SPLIT = "Split-"  # TFX's own name for a split's folder


def served_for(store: ReleaseStore, current: Path, limits: Mapping[str, Any]) -> int:
    """Return the release to compare the data with, `NONE` if there is none or its files are gone.

    Args:
        store: the releases of the pipeline.
        current: a StatisticsGen's artifact.
        limits: `data.drift` of this run.
    """
    mine = manifest.digests(current)
    flat = contents.flat(limits, LIMITS.removesuffix("."))
    release = serving(store)
    while release != NONE and store.folders.path(release).is_dir():
        content = manifest.read(store.folders.path(release))
        if _statistics(content) != mine or _limits(content) != flat:
            return release
        # Always an earlier one: a release that was deleted and written anew may name a later one.
        before = content.baseline or NONE
        release = before if before < release else NONE
    return NONE


def _statistics(content: Manifest) -> dict[str, str]:
    folder = f"{contents.STATISTICS}/"
    return {
        name.removeprefix(folder): digest
        for name, digest in content.files.items()
        if name.startswith(folder)
    }


def _limits(content: Manifest) -> dict[str, Any]:
    return {name: value for name, value in content.config.items() if name.startswith(LIMITS)}


def write(store: ReleaseStore, release: int, folder: Path) -> list[str]:
    """Copy the statistics of a release, after its files were checked; returns the splits.

    Raises:
        InputError: a file of the release is damaged; names it.
    """
    if release != NONE:
        source = release_lookup.verified(store, release)
        shutil.copytree(source / contents.STATISTICS, folder, dirs_exist_ok=True)
    release_lookup.write_release(folder / FILE, release)
    return sorted(path.name.removeprefix(SPLIT) for path in folder.glob(f"{SPLIT}*"))


class _Lookup(release_lookup.Lookup):
    def choose(self, store: ReleaseStore, config: Mapping[str, Any], inputs: Any) -> int:
        current = input_folder(inputs, CURRENT)
        assert current is not None  # the input is not optional
        return served_for(store, current, config["data"]["drift"])

    def write(
        self,
        store: ReleaseStore,
        release: int,
        config: Mapping[str, Any],  # noqa: ARG002  the signature is that of release_lookup.Lookup
        output: Artifact,
    ) -> None:
        splits = write(store, release, Path(output.uri))
        output.split_names = artifact_utils.encode_split_names(splits)


class Driver(_Lookup, release_lookup.Driver):
    """Find the release."""


class Executor(_Lookup, release_lookup.Executor):
    """Copy its statistics."""


class _Spec(ComponentSpec):
    PARAMETERS = {  # noqa: RUF012  TFX's way
        CONFIG: ExecutionParameter(type=str),
        RELEASE: ExecutionParameter(type=int, optional=True),
    }
    INPUTS = {CURRENT: ChannelParameter(type=standard_artifacts.ExampleStatistics)}  # noqa: RUF012
    OUTPUTS = {STATISTICS: ChannelParameter(type=standard_artifacts.ExampleStatistics)}  # noqa: RUF012


class ServedStatistics(base_component.BaseComponent):
    """Statistics with `served.json`; without any split if there is nothing to compare with.

    Args:
        config: canonical JSON with `name`, `push`, `registry` and `data.drift`.
        current: the statistics that will be compared with them.
    """

    SPEC_CLASS = _Spec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(self, config: str, current: channel.BaseChannel):
        output = types.Channel(type=standard_artifacts.ExampleStatistics)
        super().__init__(spec=_Spec(**{CONFIG: config, CURRENT: current, STATISTICS: output}))
