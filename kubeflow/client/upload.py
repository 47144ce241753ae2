"""Create what a run refers to: the pipeline, the version with this content, the experiment.

Each is searched by name first, so that a second call creates nothing.
"""

import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kfp_server_api import V2beta1Experiment, V2beta1Pipeline, V2beta1PipelineVersionReference

from kubeflow.client.connection import Server, named
from kubeflow.client.errors import KubeflowError
from kubeflow.compiler.package import Package
from schema.errors import InputError

NOT_FOUND, EXISTS = 404, 409


@dataclasses.dataclass(frozen=True)
class Uploaded:
    """A version on the server."""

    pipeline_id: str
    version_id: str
    name: str
    new: bool  # it was not there before

    @property
    def reference(self) -> V2beta1PipelineVersionReference:
        """As a run or a schedule names it."""
        return V2beta1PipelineVersionReference(
            pipeline_id=self.pipeline_id, pipeline_version_id=self.version_id
        )


def upload(server: Server, package: Package) -> Uploaded:
    """Upload a package, unless the server has a version with its content.

    Raises:
        KubeflowError: one sentence.
    """
    pipeline = _pipeline_id(server, package.name)

    def find() -> Any:
        existing = server.every(
            f"list the version {package.version}",
            server.client.pipelines.pipeline_service_list_pipeline_versions,
            "pipeline_versions",
            pipeline,
            filter=named(package.version),
        )
        return existing[0] if existing else None

    def make() -> Any:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "pipeline.yaml"  # by its ending the server knows what it is
            file.write_text(package.text, encoding="utf-8")
            return server.call(
                f"upload {package.source}",
                server.client.pipeline_uploads.upload_pipeline_version,
                str(file),
                name=package.version,
                pipelineid=pipeline,
            )

    version, new = _found_or_made(find, make)
    return Uploaded(pipeline, version.pipeline_version_id, package.version, new)


def experiment_id(server: Server, name: str) -> str:
    """Return the id of the experiment of this name; create it if there is none.

    Raises:
        InputError: one sentence.
    """
    part = server.client.experiments
    made = V2beta1Experiment(display_name=name, namespace=server.namespace)

    def find() -> Any:
        existing = server.every(
            f"list the experiment {name}",
            part.experiment_service_list_experiments,
            "experiments",
            filter=named(name),
            namespace=server.namespace,
        )
        exact = [entry for entry in existing if entry.display_name == name]
        return next(iter(exact or existing), None)

    def make() -> Any:
        return server.call(
            f"make the experiment {name}",
            part.experiment_service_create_experiment,
            experiment=made,
        )

    experiment, _ = _found_or_made(find, make)
    if experiment.display_name != name:
        raise InputError(
            f"{server.host}: there is an experiment {experiment.display_name}, and Kubeflow takes "
            f"names that differ only in case for one; set kubeflow.experiment to that instead of "
            f"{name}"
        )
    if experiment.storage_state == "ARCHIVED":
        raise InputError(
            f"{server.host}: the experiment {name} is archived; restore it, or name another in "
            "kubeflow.experiment"
        )
    return str(experiment.experiment_id)


def _pipeline_id(server: Server, name: str) -> str:
    part = server.client.pipelines

    def find() -> Any:
        try:
            return server.call(
                f"find the pipeline {name}",
                part.pipeline_service_get_pipeline_by_name,
                name,
                namespace=server.namespace,
            )
        except KubeflowError as error:
            if error.status == NOT_FOUND:
                return None
            raise

    def make() -> Any:
        # Without `name`: older servers do not know it, newer ones take it from here.
        pipeline = V2beta1Pipeline(display_name=name, namespace=server.namespace)
        return server.call(
            f"make the pipeline {name}", part.pipeline_service_create_pipeline, pipeline=pipeline
        )

    pipeline, _ = _found_or_made(find, make)
    if pipeline.display_name != name:
        raise InputError(
            f"{server.host}: there is a pipeline {pipeline.display_name}, and Kubeflow takes names "
            f"that differ only in case for one; choose another `name` than {name}"
        )
    return str(pipeline.pipeline_id)


def _found_or_made(find: Callable[[], Any], make: Callable[[], Any]) -> tuple[Any, bool]:
    """Return what `find` or else `make` returns, and whether it was made.

    Where another client made it in between, theirs is returned.
    """
    existing = find()
    if existing is not None:
        return existing, False
    try:
        return make(), True
    except KubeflowError as error:
        existing = find() if error.status == EXISTS else None
        if existing is None:
            raise
        return existing, False
