"""What each request does to the state of the test's Kubeflow Pipelines."""

import re
from typing import Any

import yaml

from kubeflow.schedules.cron import parse
from schema.errors import InputError
from tests.support.kfp.state import Json, RefusalError, State, page_of

MODES = {"ENABLE": "ENABLED", "DISABLE": "DISABLED"}
DESCRIPTORS = re.compile(r"@(yearly|annually|monthly|weekly|daily|midnight|hourly|every \d+[smh])")
ORPHAN = {"propagation_policy": "ORPHAN"}
NO_VERSION = "Failed to create a pipeline version"
ENDED = ("SUCCEEDED", "SKIPPED", "FAILED", "CANCELED")
TYPES: dict[str, tuple[type, ...]] = {
    "STRING": (str,),
    "NUMBER_INTEGER": (int, float),
    "NUMBER_DOUBLE": (int, float),
    "BOOLEAN": (bool,),
    "LIST": (list,),
    "STRUCT": (dict,),
}


def healthz(state: State, *, query: Json, body: Any) -> Json:
    named = {"commit_sha": "unknown", "tag_name": state.version}
    return {**named, "multi_user": state.multi_user, "pipeline_store": "database"}


def new_name(body: Json, others: dict[str, Json], what: str) -> str:
    """The name of something to be made; the database does not tell upper from lower case."""
    name = str(body.get("display_name", ""))
    if not name:
        raise RefusalError(500, f"InternalServerError: Failed to create a {what}: it has no name")
    if any(each["display_name"].lower() == name.lower() for each in others.values()):
        raise RefusalError(409, f"Already exist error: The name {name} already exists")
    return name


def create_pipeline(state: State, *, query: Json, body: Json) -> Json:
    state.needs_namespace(body.get("namespace"))
    name = new_name(body, state.pipelines, "pipeline")
    key, at = state.stamp("pipeline")
    state.pipelines[key] = {**body, "name": name, "pipeline_id": key, "created_at": at}
    return state.pipelines[key]


def pipeline_by_name(state: State, name: str, *, query: Json, body: Any) -> Json:
    state.needs_namespace(query.get("namespace"))
    for each in state.pipelines.values():
        if each["name"].lower() == name.lower():
            return each
    raise RefusalError(404, f"ResourceNotFoundError: Pipeline {name} not found")


def list_versions(state: State, pipeline: str, *, query: Json, body: Any) -> Json:
    if pipeline not in state.pipelines:
        raise RefusalError(404, f"ResourceNotFoundError: Pipeline {pipeline} not found")
    mine = [v for v in state.versions.values() if v["pipeline_id"] == pipeline]
    return page_of(state, mine, "pipeline_versions", query)


def upload_version(state: State, *, query: Json, body: Json) -> Json:
    file = body["uploadfile"]
    if query["pipelineid"] not in state.pipelines or not file["filename"].endswith(".yaml"):
        raise RefusalError(400, NO_VERSION, "early upload")
    if len(query["name"]) > 127:
        raise RefusalError(400, "PipelineVersion.Name length cannot exceed 127", "text")
    mine = [v for v in state.versions.values() if v["pipeline_id"] == query["pipelineid"]]
    if any(v["name"].lower() == query["name"].lower() for v in mine):
        raise RefusalError(409, NO_VERSION, "upload")
    if next(yaml.safe_load_all(file["text"])).get("schemaVersion") != "2.1.0":
        raise RefusalError(500, NO_VERSION, "upload")
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
    new_name(body, state.experiments, "experiment")
    key, at = state.stamp("experiment")
    made = {"experiment_id": key, "created_at": at, "storage_state": "AVAILABLE"}
    state.experiments[key] = {**body, **made}
    return state.experiments[key]


def list_experiments(state: State, *, query: Json, body: Any) -> Json:
    state.needs_namespace(query.get("namespace"))
    return page_of(state, list(state.experiments.values()), "experiments", query)


def check_source(state: State, body: Json) -> Json:
    """What runs and schedules have in common; returns the body with the experiment it gets."""
    experiment = body.get("experiment_id", "default")
    if experiment != "default" and experiment not in state.experiments:
        raise RefusalError(404, f"ResourceNotFoundError: Experiment {experiment} not found")
    reference = body["pipeline_version_reference"]
    version = state.versions.get(reference["pipeline_version_id"])
    if version is None or version["pipeline_id"] != reference["pipeline_id"]:
        key = reference["pipeline_version_id"]
        raise RefusalError(500, f"InternalServerError: Failed to fetch the pipeline version {key}")
    if not body.get("display_name"):
        raise RefusalError(500, "InternalServerError: Failed to create a run: it has no name")
    spec = version["pipeline_spec"].get("pipeline_spec", version["pipeline_spec"])
    known = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    for name, value in body.get("runtime_config", {}).get("parameters", {}).items():
        if name not in known:
            raise RefusalError(400, f"parameter {name} is not in the pipeline's spec")
        kind = known[name]["parameterType"]
        fits = isinstance(value, TYPES[kind]) and (kind == "BOOLEAN") == isinstance(value, bool)
        if not fits or (kind == "NUMBER_INTEGER" and value != int(value)):
            raise RefusalError(400, f"input parameter {name} requires type {kind}")
    return {**body, "experiment_id": experiment}


def check_cron(text: str) -> None:
    """As robfig/cron 1.2 reads it: descriptors, no weekday, days that never come."""
    fields = text.split()
    if DESCRIPTORS.fullmatch(text):
        return
    try:
        parse(" ".join([*fields, "*"] if len(fields) == 5 else fields))
    except InputError as error:
        if "never comes" not in str(error):
            message = f"Schedule cron is not a supported format: {error}"
            raise RefusalError(400, message) from error


def create_run(state: State, *, query: Json, body: Json) -> Json:
    body = check_source(state, body)
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
    body = check_source(state, body)
    if not 1 <= int(body.get("max_concurrency", 0)) <= 10:
        raise RefusalError(400, "The max concurrency of the recurring run is out of range")
    check_cron(body["trigger"]["cron_schedule"]["cron"])
    key, at = state.stamp("recurring")
    mode = body.get("mode", "DISABLE")
    made = {"recurring_run_id": key, "created_at": at, "mode": mode, "status": MODES[mode]}
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
    if query and not state.is_at_least(2, 16):
        raise RefusalError(400, "propagation_policy is not known")  # the real one overlooks it
    del state.recurring[key]
    for run in state.runs.values():
        ended = run["state"] in ENDED
        if run.get("recurring_run_id") == key and not ended and query != ORPHAN:
            run["state"] = "FAILED"  # Kubernetes took its workflow along
    return {}
