"""The config of a run, one YAML file: typed, frozen, with errors that name the key.

Importing this file stays free of TensorFlow and TFX, so that the command line answers at once.
"""

import functools
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator

from components.catalogue_index.config import IndexConfig
from components.evaluator.config import BUILT_IN_SLICES, EvaluationConfig
from components.release.config import PushConfig, RegistryConfig
from components.run_report.config import ReportConfig
from components.serving_check.config import ServingCheckConfig
from components.tower_converter.config import PortableConfig
from pipeline.config import command_line_values
from pipeline.config.beam import BeamConfig, LocalBeam
from pipeline.config.data import DataConfig
from pipeline.config.kubeflow import KubeflowConfig
from pipeline.config.user_modules import make_importable
from schema import plugins
from schema.config.messages import describe_errors
from schema.errors import ConfigError, InputError
from schema.text import text_files, yaml_text
from schema.text.literal_secrets import literal_secrets
from schema.text.messages import excerpt_of
from trainer.config import config_paths
from trainer.config.trainer import TrainerConfig
from trainer.config.transform import TransformConfig
from trainer.config.tuning import TuneConfig

# Of a label of Kubernetes; MLflow, TFX and file names take longer ones.
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=63)]
LONGEST_NAME = 255  # bytes, of a file or a folder
LARGEST = 128 * 1024  # bytes: a pod gets the config as one argument, which Linux limits to this


class RunConfig(TrainerConfig):
    """The config of one run, from records to a release."""

    name: Name
    """Name of the pipeline."""
    workspace: str
    """Folder of metadata, artifacts and logs of every run; relative to the config file."""
    data: DataConfig
    """The records, and what may be wrong with them."""
    tune: TuneConfig | None = None
    """A search for better values before training. Default: none; the values of the config are used.
"""
    evaluation: EvaluationConfig
    """How the trained pair is measured, and the gates that decide about it."""
    serving_check: ServingCheckConfig = ServingCheckConfig()
    """How the exported models are checked before a release."""
    portable: PortableConfig | None = PortableConfig()
    """The towers as ONNX and LiteRT files in the release; null: there are none."""
    index: IndexConfig | None = None
    """The search index of the embedded catalogue. Default: none is released."""
    report: ReportConfig | None = ReportConfig()
    """The report of a run, a page for a browser, and the model card; null: there is none."""
    push: PushConfig
    """Where releases are written."""
    registry: RegistryConfig = RegistryConfig()
    """The MLflow registry of the releases."""
    beam: BeamConfig = LocalBeam()
    """Where the stages that pass over all records run."""
    kubeflow: KubeflowConfig | None = None
    """The same run on Kubeflow Pipelines. Default: it runs on this machine only."""

    @model_validator(mode="after")
    def _splits_and_slices_exist(self) -> Self:
        for split in ("train", self.evaluation.split):
            if split not in self.data.splits:
                raise ValueError(
                    f"data.splits = {sorted(self.data.splits)} lacks the split {split!r}"
                )
        if self.index is not None and self.index.split not in self.data.splits:
            raise ValueError(
                f"index.split = {self.index.split!r} is none of {sorted(self.data.splits)}"
            )
        taken = sorted({*self.data.attributes} & {*BUILT_IN_SLICES})
        if taken:
            raise ValueError(f"data.attributes = {taken} is a slice that Diptych has already")
        unknown = set(self.evaluation.slices) - {*self.data.attributes, *BUILT_IN_SLICES}
        if unknown:
            raise ValueError(
                f"evaluation.slices = {sorted(unknown)} must be listed in data.attributes too"
            )
        zero_shot = self.evaluation.zero_shot
        if zero_shot is not None and zero_shot.attribute not in self.data.attributes:
            raise ValueError(
                f"evaluation.zero_shot.attribute = {zero_shot.attribute!r} must be listed in "
                "data.attributes too"
            )
        for number, gate in enumerate(self.evaluation.gates):
            if gate.data is not None and gate.data not in self.data.retain:
                raise ValueError(
                    f"evaluation.gates.{number}.data = {gate.data!r} is none of the names in "
                    f"data.retain: {', '.join(sorted(self.data.retain)) or 'it is empty'}"
                )
        self._drift_can_be_seen()
        if self.tune is not None:
            self.tune.check(self.for_trainer())
        return self

    def _drift_can_be_seen(self) -> None:
        drift = self.data.drift
        if drift.split not in self.data.splits:
            raise ValueError(
                f"data.drift.split = {drift.split!r} is none of {sorted(self.data.splits)}"
            )
        unknown = sorted({*drift.attributes} - {*self.data.attributes})
        if unknown:
            raise ValueError(
                f"data.drift.attributes = {unknown} must be listed in data.attributes too"
            )

    def on_cluster(self, there: KubeflowConfig) -> Self:
        """Return the config as the pods see it, with the paths of the section `kubeflow`."""
        registry = self.registry
        if there.registry_uri is not None:
            registry = registry.model_copy(update={"uri": there.registry_uri})
        data = self.data.model_copy(update={"path": there.data_path or self.data.path})
        push = self.push.model_copy(update={"path": there.push_path or self.push.path})
        # No path of this machine goes to the cluster: the workspace is a pod's own.
        return self.model_copy(
            update={"workspace": ".", "data": data, "push": push, "registry": registry}
        )

    def for_transform(self) -> TransformConfig:
        """Return the part that Transform reads, so that it stays cached when the rest changes."""
        return TransformConfig(plugins=self.plugins, image=self.image, text=self.text)

    def for_trainer(self) -> TrainerConfig:
        """Return the part that the trainer reads."""
        return TrainerConfig.model_validate(
            {name: getattr(self, name) for name in TrainerConfig.model_fields}
        )

    def trained(self) -> list[TrainerConfig]:
        """Return each config that a run may train with: its own, and each value of a search."""
        own = self.for_trainer()
        return [own, *(self.tune.variants(own) if self.tune else ())]


def load(path: Path, on_cluster: bool = False, given: Sequence[str] = ()) -> RunConfig:
    """Read and check a config file; its relative paths become absolute.

    Args:
        path: the file.
        on_cluster: use the paths of the section `kubeflow`.
        given: texts like 'training.epochs=3', whose values replace those of the file.

    Raises:
        ConfigError: one sentence that names the file, the key and what was expected.
    """
    try:
        documents = yaml_text.load_all(text_files.read_text(path, LARGEST), text_files.shown(path))
        if len(documents) > 1:
            held = f"{len(documents)} documents (separated by ---)"
            raise InputError(f"{path}: holds {held}, and one is expected")
        values = documents[0] if documents else None
        if not isinstance(values, dict):
            raise InputError(f"{path}: holds no config; a mapping of keys to values is expected")
        values = command_line_values.merged(values, given) if given else values
    except InputError as error:
        raise ConfigError(f"{error}{_way_to_a_config(path)}") from error
    config = parse(values, path, command_line_values.source(path, given))
    if not on_cluster:
        return config
    if config.kubeflow is None:
        raise ConfigError(f"{path}: has no section kubeflow, which says what is where")
    return config.on_cluster(config.kubeflow)


def _way_to_a_config(path: Path) -> str:
    """Say what writes a config, where a path leads to none."""
    if os.path.isdir(path):  # noqa: PTH112  false, not an error, where it may not be looked at
        return ", and a config is a YAML file; `diptych init FOLDER` writes one"
    if not os.path.lexists(path):
        return "; name another config, or write one by `diptych init FOLDER`"
    return ""


def of_release(file: Path) -> RunConfig:
    """Read the config that a release keeps, in JSON with all paths absolute.

    Raises:
        InputError: it cannot be read, is of another version of Diptych, or names plugins that
            cannot be imported here.
    """
    try:
        text = text_files.read_text(file, 2 * LARGEST)
        return RunConfig.model_validate_json(text)
    except ValidationError as error:
        raise InputError(f"{file}: {'; '.join(describe_errors(error, RunConfig))}") from error
    except plugins.PluginError as error:
        raise InputError(f"{file}: {error}") from error


def parse(values: dict[Any, Any], path: Path, source: str = "") -> RunConfig:
    """Check the values of a config file that lies at `path`; messages begin with `source`."""
    here, source = Path(os.path.realpath(path)).parent, source or str(path)
    if literal := list(literal_secrets(values)):
        raise ConfigError(f"{source}: {'; '.join(literal)}")
    try:
        for name in plugins.named_in(values):
            make_importable(plugins.KEY, name, path)
        # As JSON, where a YAML list may fill a tuple; the types themselves stay strict.
        return _beside(RunConfig.model_validate_json(json.dumps(values)), here)
    except ValidationError as error:
        raise ConfigError(f"{source}: {'; '.join(describe_errors(error, RunConfig))}") from error
    except InputError as error:
        raise ConfigError(f"{source}: {error}") from error


def _beside(config: RunConfig, here: Path) -> RunConfig:
    """Return the config with its relative paths taken from a folder."""
    located = functools.partial(_located, here)
    config = config_paths.located(config, located)
    if config.tune is not None:
        config = config.model_copy(update={"tune": config.tune.located(located)})
    return config.model_copy(
        update={
            "workspace": located(config.workspace),
            "data": config.data.located(located),
            "push": config.push.model_copy(update={"path": located(config.push.path)}),
            "beam": config.beam.beside(here),
        }
    )


def _located(here: Path, path: str) -> str:
    """Return a path as seen from the config's folder; a URL stays as it is."""
    if "\n" in path:
        raise InputError(f"the path {excerpt_of(path)} is not one line")
    if "://" in path:
        return path
    longest = max(len(os.fsencode(name)) for name in path.split("/"))
    if longest > LONGEST_NAME:
        raise InputError(
            f"the path {excerpt_of(path)} has a name of {longest} bytes in it, and a file system "
            f"takes {LONGEST_NAME}"
        )
    # Unlike `Path.resolve`, no error for links in a circle: whoever opens it says so better.
    return os.path.realpath(here / path)
