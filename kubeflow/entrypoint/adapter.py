"""Translate between what open-source Kubeflow's launcher writes and what TFX reads.

Seen in kubeflow/pipelines, backend/src/v2 (driver and launcher): an input artifact comes without
its type, an output for the pod's log is added, and addresses are those of the object store, whose
files the launcher has copied below `/minio`, `/s3` or `/gcs`.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

# Each pod has a file system of its own; a dry run gives each a folder of its own.
ROOT_VARIABLE = "DIPTYCH_LAUNCHER_ROOT"
FOLDERS = {"minio://": "minio", "s3://": "s3", "gs://": "gcs"}  # the launcher's own
LOGS = "executor-logs"  # the launcher fills it; TFX cannot import its type


def launcher_root() -> PurePosixPath:
    """Return the parent of the launcher's folders: `/`, except in a dry run."""
    return PurePosixPath(os.environ.get(ROOT_VARIABLE, "/"))


def to_local(uri: str, root: PurePosixPath) -> str:
    """Return the path of the launcher's copy of an address; other addresses stay as they are."""
    for scheme, folder in FOLDERS.items():
        if uri.startswith(scheme):
            return str(root / folder / uri.removeprefix(scheme))
    return uri


def to_store(path: str, root: PurePosixPath) -> str:
    """Return the address of a path; the inverse of `to_local`."""
    for scheme, folder in FOLDERS.items():
        prefix = f"{root / folder}/"
        if path.startswith(prefix):
            return scheme + path.removeprefix(prefix)
    return path


def adapted(
    executor_input: dict[str, Any], inputs_spec: dict[str, Any], local: bool
) -> dict[str, Any]:
    """Return an executor input that TFX can read.

    Args:
        executor_input: as the launcher wrote it; not changed.
        inputs_spec: of the component; knows the types of its inputs.
        local: whether to read and write the launcher's copies.
    """
    inputs = dict(executor_input.get("inputs", {}))
    outputs = dict(executor_input.get("outputs", {}))
    specs = inputs_spec.get("artifacts", {})
    inputs["artifacts"] = {
        key: {
            "artifacts": [
                _typed(artifact, specs[key]["artifactType"]) for artifact in _list(listed)
            ]
        }
        for key, listed in inputs.get("artifacts", {}).items()
        if _list(listed)  # an optional input without a value
    }
    outputs["artifacts"] = {
        key: listed for key, listed in outputs.get("artifacts", {}).items() if key != LOGS
    }
    result = {**executor_input, "inputs": inputs, "outputs": outputs}
    return with_addresses(result, to_local) if local else result


def with_addresses(
    message: dict[str, Any], change: Callable[[str, PurePosixPath], str]
) -> dict[str, Any]:
    """Return an ExecutorInput or ExecutorOutput with the address of every artifact changed."""
    root = launcher_root()

    def moved(artifacts: dict[str, Any]) -> dict[str, Any]:
        return {
            key: {
                "artifacts": [{**a, "uri": change(a.get("uri", ""), root)} for a in _list(listed)]
            }
            for key, listed in artifacts.items()
        }

    result = dict(message)
    for key in ("inputs", "outputs"):
        if "artifacts" in result.get(key, {}):
            result[key] = {**result[key], "artifacts": moved(result[key]["artifacts"])}
    if "artifacts" in result:
        result["artifacts"] = moved(result["artifacts"])
    return result


def addresses(artifacts: dict[str, Any]) -> Iterator[str]:
    """Yield the address of every artifact in an inputs or outputs section."""
    for listed in artifacts.values():
        for artifact in _list(listed):
            yield artifact["uri"]


def _list(listed: dict[str, Any]) -> list[dict[str, Any]]:
    return listed.get("artifacts", [])


def _typed(artifact: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    given = artifact.get("type", {})
    known = given.get("instanceSchema") or given.get("schemaTitle")
    return artifact if known else {**artifact, "type": expected}
