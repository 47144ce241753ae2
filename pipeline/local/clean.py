"""Remove from a workspace what no rerun needs; the caller holds its lock, see `workspace_lock`.

An artifact lies in artifacts/NODE/KEY/EXECUTION. It is half if its execution did not end well, and
outdated if a newer execution of its node did and nothing newer was made from it. Whatever goes is
renamed first, so that the cache never finds a folder of which a part is gone.
"""

import dataclasses
import itertools
import logging
import os
import shutil
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2
from ml_metadata.proto.metadata_store_pb2 import Event, Execution

from components.nodes import NODES
from pipeline.local.metadata_cleanup import forget
from schema.errors import InputError

METADATA, ARTIFACTS = "metadata.sqlite", "artifacts"
OF_TFX = ".system"  # in the folder of a node: what TFX needs while the node runs
GOING = ".removed"  # in the workspace: what is being removed
DONE = (Execution.COMPLETE, Execution.CACHED)
ENDED = (*DONE, Execution.FAILED, Execution.CANCELED)
OUTPUTS = (Event.OUTPUT, Event.DECLARED_OUTPUT)
LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Superfluous:
    """A file or folder that no rerun needs, and why."""

    path: Path
    why: str

    @property
    def size(self) -> int:
        """Bytes of all files in it."""
        if not self.path.is_dir():
            return self.path.lstat().st_size
        files = (Path(root, name) for root, _, names in os.walk(self.path) for name in names)
        return sum(file.lstat().st_size for file in files)


def connection(workspace: Path) -> metadata_store_pb2.ConnectionConfig:
    """Return how to open the metadata store of a workspace, a sqlite file."""
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(workspace / METADATA)
    config.sqlite.connection_mode = config.sqlite.READWRITE_OPENCREATE
    return config


def sweep(workspace: Path) -> None:
    """Remove what a killed command left; every run does so before it starts."""
    cancel_running(workspace)
    remove(half(workspace), workspace)


def cancel_running(workspace: Path) -> None:
    """Mark executions as canceled that never ended, since nobody works on them any more."""
    store = _opened(workspace)
    if store is None:
        return
    running = [e for e in store.get_executions() if e.last_known_state not in ENDED]
    for execution in running:
        execution.last_known_state = Execution.CANCELED
    if running:
        LOGGER.info("executions that never ended: %s", [execution.id for execution in running])
        store.put_executions(running)


def half(workspace: Path) -> list[Superfluous]:
    """List what killed and failed executions left, and what was about to be removed.

    A folder of an execution that the metadata store does not know is half, too: another store was
    here, and this one will give the number of the folder to an execution of its own.
    """
    store = _opened(workspace)
    known = [] if store is None else store.get_executions()
    whole = {
        execution.id for execution in known if execution.last_known_state == Execution.COMPLETE
    }
    left = [Superfluous(folder, "was being removed") for folder in _inside(workspace / GOING)]
    of_tfx = [node / OF_TFX for node in _nodes(workspace) if (node / OF_TFX).exists()]
    left += [Superfluous(folder, "of TFX, needed only while its node runs") for folder in of_tfx]
    for number, folder in _artifacts(workspace):
        if number not in whole:
            left.append(Superfluous(folder, "half: its execution did not end well"))
    return left


def outdated(workspace: Path) -> list[Superfluous]:
    """List artifacts that the next run of the config cannot take from its cache.

    What stays: the outputs of each node's newest execution that ended well, and all they were made
    from.
    """
    store = _opened(workspace)
    if store is None:
        return []
    kept = needed(store)
    unfinished = {entry.path for entry in half(workspace)}
    return [
        Superfluous(folder, "outdated: its node has run again since")
        for number, folder in _artifacts(workspace)
        if number not in kept and folder not in unfinished
    ]


def forget_outdated(workspace: Path) -> None:
    """Remove from the metadata store what it says of artifacts that are gone."""
    store = _opened(workspace)
    if store is not None:
        forget(workspace / METADATA, needed(store))


def needed(store: MetadataStore) -> set[int]:
    """Return the executions whose outputs stay; see `outdated`."""
    done = {
        execution.id for execution in store.get_executions() if execution.last_known_state in DONE
    }
    inputs: dict[int, set[int]] = defaultdict(set)
    outputs: dict[int, set[int]] = defaultdict(set)
    made_by: dict[int, set[int]] = defaultdict(set)
    for event in store.get_events_by_execution_ids(sorted(done)) if done else ():
        if event.type in OUTPUTS:
            outputs[event.execution_id].add(event.artifact_id)
            made_by[event.artifact_id].add(event.execution_id)
        else:
            inputs[event.execution_id].add(event.artifact_id)
    waiting = []
    for node in store.get_contexts_by_type("node"):
        of_node = {execution.id for execution in store.get_executions_by_context(node.id)} & done
        waiting += [max(of_node)] if of_node else []
    kept: set[int] = set()
    while waiting:
        execution = waiting.pop()
        if execution not in kept:
            kept.add(execution)
            artifacts = inputs[execution] | outputs[execution]
            # The cache hands on an artifact as the output of many executions: the first made it.
            waiting += [min(made_by[artifact]) for artifact in artifacts if made_by[artifact]]
    return kept


def remove(superfluous: Iterable[Superfluous], workspace: Path) -> None:
    """Remove files and folders; a second call finishes what a killed one began.

    Raises:
        InputError: one of them may not be removed.
    """
    going = workspace / GOING
    for entry in superfluous:
        LOGGER.info("%s removed: %s", entry.path, entry.why)
        if entry.path.parent != going:
            try:
                going.mkdir(exist_ok=True)
                entry.path.rename(going / uuid.uuid4().hex)
            except OSError as error:
                raise InputError(f"{entry.path}: cannot be removed: {error.strerror}") from error
    shutil.rmtree(going, ignore_errors=True)


def _opened(workspace: Path) -> MetadataStore | None:
    """Open the metadata store of a workspace; None: no run has made one."""
    file = workspace / METADATA
    if not file.exists():
        return None
    try:
        return MetadataStore(connection(workspace))
    except Exception as error:  # whatever ML Metadata makes of a damaged file
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(f"{file}: cannot be read: {reason}") from error


def _artifacts(workspace: Path) -> Iterator[tuple[int, Path]]:
    """Yield the number of every execution and a folder that it wrote."""
    keys = (key for node in _nodes(workspace) for key in _inside(node) if key.name != OF_TFX)
    for folder in itertools.chain.from_iterable(map(_inside, keys)):
        if folder.name.isdecimal():
            yield int(folder.name), folder


def _nodes(workspace: Path) -> list[Path]:
    """List the folders of nodes; others in the workspace are not ours."""
    return [folder for folder in _inside(workspace / ARTIFACTS) if folder.name in NODES]


def _inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
