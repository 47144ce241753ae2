"""Read a compiled pipeline from its file: its name, its run parameters, where it can run."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from kubeflow.compiler.check_spec import check_retries
from kubeflow.compiler.platforms import Platform
from schema.errors import InputError
from schema.text import text_files, yaml_text
from schema.text.messages import excerpt

PLATFORM_FLAG = "--platform="  # an argument of every container of ours
SCHEMA = "2.1.0"  # an upload of 2.0.0 ends in an error of the server that names no reason
LARGEST, LIMITS = 4 << 20, yaml_text.Limits(nodes=100_000)  # bytes; a real one has 0.3 MB
AGAIN = "compile it with: diptych kubeflow compile"


@dataclasses.dataclass(frozen=True)
class Package:
    """The content of one compiled file."""

    source: str  # its path, or the config it was compiled from: for sentences
    text: str  # YAML: the pipeline and, if there is one, a document for Kubernetes
    spec: dict[str, Any]  # the first document, a PipelineSpec 2.1.0
    digest: str  # of the content, whatever its layout: 12 hexadecimal digits

    @property
    def name(self) -> str:
        """The name of the pipeline."""
        return str(self.spec["pipelineInfo"]["name"])

    @property
    def version(self) -> str:
        """The name of this content among the versions of the pipeline."""
        return f"{self.name}-{self.digest}"

    @property
    def parameters(self) -> dict[str, Any]:
        """The run parameters by name; the values are InputDefinitions.ParameterSpec as JSON."""
        root = self.spec["root"].get("inputDefinitions", {})
        return dict(root.get("parameters", {}))


def read(path: Path) -> Package:
    """Read a compiled file.

    Raises:
        InputError: it is not a pipeline that open-source Kubeflow can run.
    """
    return parse(text_files.read_text(path, LARGEST), text_files.shown(path))


def parse(text: str, source: str) -> Package:
    """Check the text of a compiled file.

    Args:
        text: YAML of one or two documents.
        source: its name in messages.

    Raises:
        InputError: it is not a pipeline that open-source Kubeflow can run.
    """
    documents = yaml_text.load_all(text, source, LIMITS)
    if not documents or not all(isinstance(document, dict) for document in documents):
        raise InputError(f"{source}: holds no compiled pipeline; {AGAIN}")
    spec, *others = documents
    if "pipelineSpec" in spec:
        raise InputError(f"{source}: is a PipelineJob, which only Vertex AI runs; {AGAIN}")
    known = (pipeline_spec_pb2.PipelineSpec, pipeline_spec_pb2.PlatformSpec)
    if len(documents) > len(known):
        raise InputError(f"{source}: holds {len(documents)} documents instead of one or two")
    for document, message in zip(documents, known, strict=False):
        try:
            json_format.ParseDict(document, message())
        except json_format.ParseError as error:
            reason = excerpt(" ".join(str(error).split()), 300)
            raise InputError(f"{source}: is not a {message.__name__}: {reason}") from error
    if not spec.get("pipelineInfo", {}).get("name") or "root" not in spec:
        raise InputError(f"{source}: holds no compiled pipeline; {AGAIN}")
    schema = spec.get("schemaVersion", "without a version")
    if schema != SCHEMA:
        raise InputError(
            f"{source}: is a PipelineSpec {schema}, and Kubeflow takes only {SCHEMA}; {AGAIN}"
        )
    package = Package(source, text, spec, _digest([spec, *others]))
    if platform_of(package) != "kubeflow":
        raise InputError(
            f"{source}: was compiled for Vertex AI, and Kubeflow cannot run it; {AGAIN}"
        )
    # A file of an older Diptych is never seen by the compiler's own check.
    for finding in check_retries(spec):
        raise InputError(f"{source}: {finding.sentence()}")
    return package


def platform_of(package: Package) -> Platform:
    """Return where a package can run, from the arguments of its containers.

    Raises:
        InputError: the containers do not name one platform.
    """
    executors = package.spec.get("deploymentSpec", {}).get("executors", {})
    flags = set()
    for executor in executors.values():
        given = executor.get("container", {}).get("args", [])
        flags |= {arg for arg in given if arg.startswith(PLATFORM_FLAG)} or {PLATFORM_FLAG}
    if flags == {PLATFORM_FLAG + "kubeflow"}:
        return "kubeflow"
    if flags == {PLATFORM_FLAG + "vertex"}:
        return "vertex"
    raise InputError(f"{package.source}: was not compiled by Diptych; {AGAIN}")


def _digest(documents: list[dict[str, Any]]) -> str:
    canonical = json.dumps(documents, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]
