"""Run one pod: the container's command as a subprocess, inside what Kubeflow's launcher does.

After kubeflow/pipelines, backend/src/v2/component/launcher_v2.go: inputs are copied from the
object store into a folder of the pod, the command runs, its ExecutorOutput is merged into the
outputs, and what it wrote is copied to the store.
"""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from kubeflow.dry_run.driver import Artifact
from kubeflow.entrypoint.adapter import ROOT_VARIABLE, addresses, to_local
from schema.errors import InputError
from schema.system.child_process import ending_with_parent
from schema.text.secrets import REFERENCE

PLACEHOLDER = "{{$}}"
OUTPUT_FILE = "kfp_outputs/output_metadata.json"
# How the store is reached; the launcher keeps it with each artifact.
SESSION = json.dumps(
    {
        "Provider": "minio",
        "Params": {"fromEnv": "false", "secretName": "mlpipeline-minio-artifact"},
    }
)
# Of this machine's environment a pod gets only what Python needs to start.
KEPT = ("PATH", "HOME", "LANG", "PYTHONPATH", "TMPDIR", "LD_LIBRARY_PATH")


@dataclasses.dataclass(frozen=True)
class Pod:
    """The file system of a pod, and the log of what it printed."""

    root: Path
    log: Path

    @property
    def output_file(self) -> str:
        """Where the command writes its ExecutorOutput."""
        return str(self.root / OUTPUT_FILE)

    def path(self, uri: str) -> Path:
        """Return the path of the launcher's copy of an address."""
        return Path(to_local(uri, PurePosixPath(self.root)))


def run(
    pod: Pod, store: Path, container: Mapping[str, Any], executor_input: dict[str, Any]
) -> dict[str, Artifact]:
    """Run a container's command.

    Args:
        pod: a folder that does not exist yet.
        store: the folder that stands for the object store.
        container: a PipelineContainerSpec, as JSON.
        executor_input: what the launcher would pass.

    Returns:
        The artifacts it wrote, by output key, as the metadata store would know them.

    Raises:
        InputError: the command failed; the message is its own last line if that is a sentence.
    """
    for uri in addresses(executor_input["inputs"].get("artifacts", {})):
        _copy(store / _key(uri), pod.path(uri))
    for uri in addresses(executor_input["outputs"]["artifacts"]):
        pod.path(uri).parent.mkdir(parents=True, exist_ok=True)
    Path(pod.output_file).parent.mkdir(parents=True)
    text = json.dumps(executor_input)
    given = [*container["command"], *container.get("args", ())]
    command = [argument.replace(PLACEHOLDER, text) for argument in given]
    # On a cluster, what the config refers to comes from a Kubernetes secret.
    kept = (*KEPT, *REFERENCE.findall(text))
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    # `python` is this one, as it is the image's own there.
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment.get('PATH', '')}"
    environment[ROOT_VARIABLE] = str(pod.root)
    environment |= {variable["name"]: variable["value"] for variable in container.get("env", ())}
    with pod.log.open("w", encoding="utf-8") as log:
        ended = subprocess.run(
            ending_with_parent(command),
            cwd=pod.root,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,  # a failure ends in a sentence, below
        )
    if ended.returncode != 0:
        raise InputError(_last_line(pod.log, ended.returncode))
    if not Path(executor_input["outputs"]["outputFile"]).exists():
        raise InputError(f"its command ended before its work was done; its log is {pod.log}")
    return _published(pod, store, executor_input["outputs"])


def _published(pod: Pod, store: Path, outputs: dict[str, Any]) -> dict[str, Artifact]:
    executor_output = json.loads(Path(outputs["outputFile"]).read_text(encoding="utf-8"))
    artifacts: dict[str, Artifact] = {}
    for key, listed in outputs["artifacts"].items():
        [artifact] = listed["artifacts"]
        [produced] = executor_output.get("artifacts", {}).get(key, {}).get("artifacts", [{}])
        metadata = {**artifact.get("metadata", {}), **produced.get("metadata", {})}
        merged = {
            "name": str(zlib.crc32(artifact["uri"].encode())),
            "uri": produced.get("uri", artifact["uri"]),
            "metadata": {**metadata, "display_name": key, "store_session_info": SESSION},
        }
        if pod.path(merged["uri"]).exists():  # a node may write nothing
            _copy(pod.path(merged["uri"]), store / _key(merged["uri"]))
        artifacts[key] = merged
    return artifacts


def _key(uri: str) -> str:
    return uri.split("://", 1)[1]


def _copy(source: Path, target: Path) -> None:
    """Copy with hard links where the file system allows it; no file is written to again."""
    if not source.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, copy_function=_link)
    else:
        _link(str(source), str(target))


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _last_line(log: Path, code: int) -> str:
    if code < 0:  # its last line is of something else
        return f"its command was ended by signal {signal.Signals(-code).name}; its log is {log}"
    lines = [line.strip() for line in log.read_text(encoding="utf-8").splitlines() if line.strip()]
    if lines and lines[-1].startswith("diptych: "):
        return lines[-1].removeprefix("diptych: ")
    return f"its command ended with code {code}; its log is {log}"
