"""The node Baseline: the release that serves now, for the Evaluator to compare with.

The model that serves counts, not the one that was blessed last. A model that serves already is not
compared with itself: a rerun that changed nothing is compared with the release that it replaced, so
that its evaluation stays cached.

While nothing serves, a run that starts from the weights of another release, perhaps of another
pipeline, brings that one: retained data sets are then compared with it.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import Artifact, channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components import release_lookup
from components.release import contents
from components.release.files import manifest
from components.release.store import ReleaseStore
from components.release_lookup import CONFIG, NONE, RELEASE, input_folder, serving
from schema.serving_names import FOLDERS, JOINT

FILE = "baseline.json"  # {"release": its number, or null}
CANDIDATE, MODEL = "candidate", "model"
START = "start"  # of the node's config: the folder of the release that the run starts from


def baseline_for(store: ReleaseStore, candidate: Path | None) -> int:
    """Return the release to compare a model with, `NONE` if nothing serves or its files are gone.

    Args:
        store: the releases of the pipeline.
        candidate: a Trainer's artifact, if there is one.
    """
    champion = serving(store)
    if champion != NONE and candidate is not None:
        content = manifest.read(store.folders.path(champion))
        if content.model_digest == contents.model_digest(candidate):
            return content.baseline or NONE
    return champion


def write(store: ReleaseStore, release: int, folder: Path) -> None:
    """Copy what the Evaluator needs of a release, after its files were checked.

    Raises:
        InputError: a file of the release is damaged; names it.
    """
    if release != NONE:
        source = release_lookup.verified(store, release)
        shutil.copytree(store.folders.model(release, JOINT), folder / FOLDERS[JOINT])
        shutil.copytree(source / contents.STATISTICS, folder / contents.STATISTICS)
    release_lookup.write_release(folder / FILE, release)


def write_start(start: Path, folder: Path) -> None:
    """Copy the joint model of the release that a run starts from, if the folder holds one."""
    models = sorted((start / JOINT).glob("[0-9]*"))
    if models:
        shutil.copytree(models[-1], folder / FOLDERS[JOINT])


class _Lookup(release_lookup.Lookup):
    def choose(
        self,
        store: ReleaseStore,
        config: Mapping[str, Any],  # noqa: ARG002  the signature is that of release_lookup.Lookup
        inputs: Any,
    ) -> int:
        return baseline_for(store, input_folder(inputs, CANDIDATE))

    def write(
        self, store: ReleaseStore, release: int, config: Mapping[str, Any], output: Artifact
    ) -> None:
        write(store, release, Path(output.uri))
        start = config.get(START)
        if release == NONE and start:
            write_start(Path(start), Path(output.uri))


class Driver(_Lookup, release_lookup.Driver):
    """Find the champion."""


class Executor(_Lookup, release_lookup.Executor):
    """Copy the champion."""


class _Spec(ComponentSpec):
    PARAMETERS = {  # noqa: RUF012  TFX's way
        CONFIG: ExecutionParameter(type=str),
        RELEASE: ExecutionParameter(type=int, optional=True),
    }
    INPUTS = {CANDIDATE: ChannelParameter(type=standard_artifacts.Model, optional=True)}  # noqa: RUF012
    OUTPUTS = {MODEL: ChannelParameter(type=standard_artifacts.Model)}  # noqa: RUF012


class Baseline(base_component.BaseComponent):
    """The champion, as a model artifact with `baseline.json`.

    On the first run there is none, or the model that the run starts from.

    Args:
        config: canonical JSON with `name`, `push` and `registry`, and perhaps `start`.
        candidate: the model that will be compared with it.
    """

    SPEC_CLASS = _Spec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(self, config: str, candidate: channel.BaseChannel | None = None):
        output = types.Channel(type=standard_artifacts.Model)
        spec = _Spec(**{CONFIG: config, CANDIDATE: candidate, MODEL: output})
        super().__init__(spec=spec)
