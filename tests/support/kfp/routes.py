"""The paths of Kubeflow Pipelines' API that Diptych uses: what each takes and answers."""

import dataclasses
import re
from collections.abc import Callable
from typing import Any

from tests.support.kfp import handlers as do
from tests.support.kfp.state import Json

LISTED = ("page_token", "page_size", "sort_by", "filter")
UPLOAD = "upload"  # a body of multipart/form-data


@dataclasses.dataclass(frozen=True)
class Route:
    """One path of the API: what it takes and what it answers."""

    method: str
    pattern: re.Pattern[str]
    run: Callable[..., Json]
    answer: str | None  # its model; none: an empty object
    body: str | None = None
    query: tuple[str, ...] = ()


def _route(method: str, path: str, *rest: Any) -> Route:
    return Route(method, re.compile(path.replace("{}", "([^/:]+)")), *rest)


ROUTES = (
    _route("GET", "/healthz", do.healthz, None),  # it says more than its model has
    _route("POST", "/pipelines", do.create_pipeline, "V2beta1Pipeline", "V2beta1Pipeline"),
    _route(
        "GET", "/pipelines/names/{}", do.pipeline_by_name, "V2beta1Pipeline", None, ("namespace",)
    ),
    _route(
        "GET",
        "/pipelines/{}/versions",
        do.list_versions,
        "V2beta1ListPipelineVersionsResponse",
        None,
        LISTED,
    ),
    _route(
        "POST",
        "/pipelines/upload_version",
        do.upload_version,
        "V2beta1PipelineVersion",
        UPLOAD,
        ("name", "display_name", "pipelineid", "description", "tags"),
    ),
    _route("POST", "/experiments", do.create_experiment, "V2beta1Experiment", "V2beta1Experiment"),
    _route(
        "GET",
        "/experiments",
        do.list_experiments,
        "V2beta1ListExperimentsResponse",
        None,
        (*LISTED, "namespace"),
    ),
    _route("POST", "/runs", do.create_run, "V2beta1Run", "V2beta1Run", ("experiment_id",)),
    _route("GET", "/runs/{}", do.get_run, "V2beta1Run", None, ("experiment_id",)),
    _route(
        "GET",
        "/runs",
        do.list_runs,
        "V2beta1ListRunsResponse",
        None,
        (*LISTED, "namespace", "experiment_id"),
    ),
    _route(
        "POST", "/recurringruns", do.create_recurring, "V2beta1RecurringRun", "V2beta1RecurringRun"
    ),
    _route(
        "GET",
        "/recurringruns",
        do.list_recurring,
        "V2beta1ListRecurringRunsResponse",
        None,
        (*LISTED, "namespace", "experiment_id"),
    ),
    _route("POST", "/recurringruns/{}:enable", do.enable, None),
    _route("POST", "/recurringruns/{}:disable", do.disable, None),
    _route("DELETE", "/recurringruns/{}", do.delete_recurring, None, None, ("propagation_policy",)),
)
