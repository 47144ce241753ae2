"""What each request does to the state of the test's Kubeflow Pipelines."""

from typing import Any

import yaml

from kubeflow.cron import parse
from schema.errors import InputError
from tests.kfp_state import Json, RefusalError, State, page_of

MODES = {"ENABLE": "ENABLED", "DISABLE": "DISABLED"}


def healthz(state: State, *, query: Json, body: Any) -> Json:
    return {"multi_user": state.multi_user}


def create_pipeline(state: State, *, query: Json, body: Json) -> Json:
    state.needs_namespace(body.get("namespace"))
    if any(p["display_name"] == body["display_name"] for p in state.pipelines.values()):
        raise RefusalError(409, f"The name {body['display_name']} already exists")
    key, at = state.stamp("pipeline")
    name = body["display_name"]
    state.pipelines[key] = {**body, "name": name, "pipeline_id": key, "created_at": at}
    return state.pipelines[key]


def pipeline_by_name(state: State, name: str, *, query: Json, body: Any) -> Json:
    state.needs_namespace(query.get("namespace"))
    for each in state.pipelines.values():
        if each["name"] == name:
            return each
    raise RefusalError(404, f"ResourceNotFoundError: Pipeline {name} not found")


def list_versions(state: State, pipeline: str, *, query: Json, body: Any) -> Json:
    mine = [v for v in state.versions.values() if v["pipeline_id"] == pipeline]
    return page_of(state, mine, "pipeline_versions", query)


def upload_version(state: State, *, query: Json, body: Json) -> Json:
    file = body["uploadfile"]
    if query["pipelineid"] not in state.pipelines or not file["filename"].endswith(".yaml"):
        raise RefusalError(400, "Failed to create a pipeline version")
    if any(v["name"] == query["name"] for v in state.versions.values()):
        raise RefusalError(409, "Failed to create a pipeline version")
    key, at = state.stamp("version")
    spec, *platform = yaml.safe_load_all(file["text"])
    whole = {"pipeline_spec": spec, "platform_spec": platform[0]} if platform else spec
    state.files[key] = file["text"]
    names = {"name": query["name"], "display_name": query["name"]}
    ids = {"pipeline_id": query["pipelineid"], "pipeline_version_id": key}
    state.versions[key] = {**ids, **names, "created_at": at, "pipeline_spec": whole}
    return state.versions[key]


def create_experiment(state: State, *, query: Json, body: Json) -> Json:
    state.needs_namespace(body.get("namespace"))
    if any(e["display_name"] == body["display_name"] for e in state.experiments.values()):
        raise RefusalError(409, "experiment already exists")
    key, at = state.stamp("experiment")
    made = {"experiment_id": key, "created_at": at, "storage_state": "AVAILABLE"}
    state.experiments[key] = {**body, **made}
    return state.experiments[key]


def list_experiments(state: State, *, query: Json, body: Any) -> Json:
    state.needs_namespace(query.get("namespace"))
    return page_of(state, list(state.experiments.values()), "experiments", query)


def check_source(state: State, body: Json) -> None:
    """What runs and schedules have in common."""
    if body.get("experiment_id") not in state.experiments:
        raise RefusalError(404, f"Experiment {body.get('experiment_id')} not found")
    reference = body["pipeline_version_reference"]
    version = state.versions.get(reference["pipeline_version_id"])
    if version is None or version["pipeline_id"] != reference["pipeline_id"]:
        raise RefusalError(400, "the pipeline version does not exist")
    spec = version["pipeline_spec"].get("pipeline_spec", version["pipeline_spec"])
    known = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    unknown = set(body.get("runtime_config", {}).get("parameters", {})) - set(known)
    if unknown or not body.get("display_name"):
        raise RefusalError(400, f"parameters {sorted(unknown)}, name {body.get('display_name')}")


def create_run(state: State, *, query: Json, body: Json) -> Json:
    check_source(state, body)
    key, at = state.stamp("run")
    state.runs[key] = {**body, "run_id": key, "created_at": at, "state": "PENDING"}
    return state.runs[key]


def get_run(state: State, key: str, *, query: Json, body: Any) -> Json:
    if key not in state.runs:
        raise RefusalError(404, f"ResourceNotFoundError: Run {key} not found")
    if state.states:
        state.runs[key]["state"] = state.states.pop(0)
    return state.runs[key]


def list_runs(state: State, *, query: Json, body: Any) -> Json:
    state.needs_namespace(query.get("namespace"))
    return page_of(state, list(state.runs.values()), "runs", query)


def create_recurring(state: State, *, query: Json, body: Json) -> Json:
    check_source(state, body)
    if not 1 <= int(body.get("max_concurrency", 0)) <= 10 or body.get("mode") not in MODES:
        raise RefusalError(400, "The max concurrency of the recurring run is out of range")
    try:
        parse(body["trigger"]["cron_schedule"]["cron"])
    except InputError as error:
        raise RefusalError(400, f"Schedule cron is not a supported format: {error}") from error
    key, at = state.stamp("recurring")
    made = {"recurring_run_id": key, "created_at": at, "status": MODES[body["mode"]]}
    state.recurring[key] = {**body, **made}
    return state.recurring[key]


def list_recurring(state: State, *, query: Json, body: Any) -> Json:
    state.needs_namespace(query.get("namespace"))
    return page_of(state, list(state.recurring.values()), "recurringRuns", query)


def one_recurring(state: State, key: str) -> Json:
    if key not in state.recurring:
        raise RefusalError(404, f"ResourceNotFoundError: Recurring run {key} not found")
    return state.recurring[key]


def enable(state: State, key: str, *, query: Json, body: Any) -> Json:
    one_recurring(state, key).update(mode="ENABLE", status="ENABLED")
    return {}


def disable(state: State, key: str, *, query: Json, body: Any) -> Json:
    one_recurring(state, key).update(mode="DISABLE", status="DISABLED")
    return {}


def delete_recurring(state: State, key: str, *, query: Json, body: Any) -> Json:
    one_recurring(state, key)
    del state.recurring[key]
    return {}
