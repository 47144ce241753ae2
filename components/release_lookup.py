"""Base classes of nodes that read an earlier release: Baseline and ServedStatistics.

TFX looks into its cache before an executor runs, so a driver looks the release up first and puts
its number into the execution properties: a new champion then makes the cached output out of date.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfx.dsl.components.base import base_driver, base_executor
from tfx.orchestration import data_types_utils
from tfx.orchestration.portable import base_driver as portable
from tfx.orchestration.portable import data_types
from tfx.proto.orchestration import driver_output_pb2
from tfx.types import Artifact, artifact_utils

from components.release.store import ReleaseStore, open_store

CONFIG, RELEASE = "config", "release"  # execution properties
NONE = 0  # no release has this number


def serving(store: ReleaseStore) -> int:
    """Return the release that serves, `NONE` if nothing does or its files are gone."""
    champion = store.champion()
    return NONE if champion is None or champion in store.lost() else champion


def verified(store: ReleaseStore, release: int) -> Path:
    """Return the folder of a release, after its files were checked.

    Raises:
        InputError: a file of the release is damaged; names it.
    """
    store.verified(release)
    return store.folders.path(release)


def write_release(file: Path, release: int) -> None:
    """Write {"release": its number}, or null for `NONE`."""
    payload = {"release": release if release != NONE else None}
    file.write_text(json.dumps(payload) + "\n", encoding="utf-8")


def read_release(file: Path) -> int | None:
    """Read what `write_release` wrote."""
    payload: dict[str, int | None] = json.loads(file.read_text(encoding="utf-8"))
    return payload["release"]


def input_folder(inputs: Any, key: str) -> Path | None:
    """Return the folder of an input artifact, None if there is none."""
    return Path(artifact_utils.get_single_uri(inputs[key])) if inputs.get(key) else None


class Lookup:
    """The choice of a release and the copy; mixed into a node's driver and its executor."""

    def choose(self, store: ReleaseStore, config: Mapping[str, Any], inputs: Any) -> int:
        """Return the number of the release, or `NONE`.

        Args:
            store: the releases of the pipeline.
            config: the node's `config` parameter, parsed.
            inputs: artifacts by key.
        """
        raise NotImplementedError

    def write(
        self, store: ReleaseStore, release: int, config: Mapping[str, Any], output: Artifact
    ) -> None:
        """Copy what is needed from the release; for `NONE`, write that there is none.

        Args:
            store: the releases of the pipeline.
            release: as `choose` returned it.
            config: the node's `config` parameter, parsed.
            output: the node's artifact.
        """
        raise NotImplementedError

    def _choose(self, properties: Mapping[str, Any], inputs: Any) -> int:
        config = json.loads(properties[CONFIG])
        return self.choose(open_store(config), config, inputs)


class Driver(Lookup, base_driver.BaseDriver, portable.BaseDriver):  # TFX's compiler wants both
    """Looks the release up before TFX looks into its cache."""

    def __init__(self, metadata_handle: Any):
        portable.BaseDriver.__init__(self, metadata_handle)

    def run(self, execution_info: data_types.ExecutionInfo) -> driver_output_pb2.DriverOutput:
        """Put the release into the execution properties."""
        properties = execution_info.exec_properties
        properties[RELEASE] = self._choose(properties, execution_info.input_dict)
        output = driver_output_pb2.DriverOutput()
        for name, value in properties.items():
            data_types_utils.set_metadata_value(output.exec_properties[name], value)
        return output


class Executor(Lookup, base_executor.BaseExecutor):
    """Copies the release; where no driver ran, as on Kubeflow, it looks it up itself."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Write the one output artifact."""
        config = json.loads(exec_properties[CONFIG])
        store = open_store(config)
        release = exec_properties.get(RELEASE)
        if release is None:
            store.reconcile()  # a registry that is down stops the run before it trains
            release = self._choose(exec_properties, input_dict)
        [[output]] = output_dict.values()
        self.write(store, int(release), config, output)
