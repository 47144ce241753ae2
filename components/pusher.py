"""Ship a blessed model: TensorFlow Serving's layout, whole or not at all."""

import os
import shutil
import uuid
from pathlib import Path
from typing import Any

from tfx.components.pusher import component as pusher_component
from tfx.components.pusher import executor as pusher_executor
from tfx.dsl.components.base import executor_spec
from tfx.proto import pusher_pb2
from tfx.types import Artifact, artifact_utils, standard_component_specs
from tfx.utils import io_utils, proto_utils

Artifacts = dict[str, list[Artifact]]


class Executor(pusher_executor.Executor):
    """Pushes under the next number; TFX's own names versions by the second and may overlap."""

    def Do(
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]
    ) -> None:
        """Push the model if it is blessed, and say in the output artifact whether it was."""
        self._log_startup(input_dict, output_dict, exec_properties)
        pushed = artifact_utils.get_single_instance(
            output_dict[standard_component_specs.PUSHED_MODEL_KEY]
        )
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            return
        destination = pusher_pb2.PushDestination()
        proto_utils.json_to_proto(
            exec_properties[standard_component_specs.PUSH_DESTINATION_KEY], destination
        )
        release = ship(self.GetModelPath(input_dict), destination.filesystem.base_directory)
        # The artifact only points to the release; the files are not copied a second time.
        self._MarkPushed(pushed, pushed_destination=str(release), pushed_version=release.name)


class Pusher(pusher_component.Pusher):
    """TFX's Pusher with our executor."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)


def ship(model: str, releases: str) -> Path:
    """Copy a SavedModel to `releases/N`, N being one more than the highest number there.

    The copy is written to a hidden sibling, flushed to disk, then renamed, so that a server that
    watches `releases` sees a whole version or none, whenever this process dies. If another run
    takes the same number first, the rename fails and the next number is tried.

    Returns:
        The folder of the new release.
    """
    base = Path(releases)
    base.mkdir(parents=True, exist_ok=True)
    sibling = base / f".incoming-{uuid.uuid4().hex}"
    try:
        io_utils.copy_dir(model, str(sibling))  # the model may lie on a remote file system
        for path in sorted(sibling.rglob("*")):
            _flush(path)
        _flush(sibling)
        while True:
            release = base / str(latest(base) + 1)
            try:
                # Renaming onto a folder that holds files fails, which makes the number ours alone.
                sibling.rename(release)
            except OSError:
                if not release.exists():
                    raise
                continue
            _flush(base)
            return release
    finally:
        shutil.rmtree(sibling, ignore_errors=True)


def latest(releases: Path) -> int:
    """The highest release number in a folder, 0 if there is none."""
    if not releases.is_dir():
        return 0
    return max((int(path.name) for path in releases.iterdir() if path.name.isdecimal()), default=0)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
