"""The server of the tests answers as Kubeflow Pipelines 2.16.1 did, and is strict with models."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.support.kfp.desk import Desk
from tests.support.kfp.models import faults

REFERENCE = {"pipeline_id": "pipeline-1", "pipeline_version_id": "version-2"}
RUN = {"display_name": "a", "pipeline_version_reference": REFERENCE}


def ask(desk: Desk, method: str, path: str, body: Any = None) -> tuple[int, str, str]:
    """Status, type and text of the answer to a request."""
    kind = "application/json"
    data = None if body is None else json.dumps(body).encode()
    if isinstance(body, str):
        kind = "multipart/form-data; boundary=end"
        head = 'Content-Disposition: form-data; name="uploadfile"; filename="pipeline.yaml"'
        data = f"--end\r\n{head}\r\n\r\n{body}\r\n--end--\r\n".encode()
    url = f"{desk.server.url}/apis/v2beta1{path}"
    request = urllib.request.Request(url, data, {"Content-Type": kind}, method=method)
    try:
        answer = urllib.request.urlopen(request)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.status, answer.headers["content-type"], answer.read().decode()


def recurring(cron: str = "0 0 2 * * *", **changes: Any) -> dict[str, Any]:
    return {
        **RUN,
        "trigger": {"cron_schedule": {"cron": cron}},
        "max_concurrency": "1",
        "mode": "ENABLE",
        **changes,
    }


def of_version(version: str, pipeline: str = "pipeline-1") -> dict[str, Any]:
    reference = {"pipeline_id": pipeline, "pipeline_version_id": version}
    return {"display_name": "a", "pipeline_version_reference": reference}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/runs", {**RUN, "runtime_config": {"parameters": {"epochs": "3"}}}, 400),
        ("/runs", {**RUN, "runtime_config": {"parameters": {"epochs": 3.5}}}, 400),
        ("/runs", {**RUN, "runtime_config": {"parameters": {"data_path": 3}}}, 400),
        ("/runs", {**RUN, "runtime_config": {"parameters": {"fresh": 1}}}, 400),
        ("/runs", {**RUN, "runtime_config": {"parameters": {"epochs": 3.0}}}, 200),
        ("/runs", RUN, 200),  # without an experiment: the default one
        ("/runs", {**RUN, "experiment_id": "experiment-9"}, 404),
        ("/runs", {"pipeline_version_reference": REFERENCE}, 500),  # without a name
        ("/runs", of_version("version-9"), 500),
        ("/runs", of_version("version-2", "pipeline-9"), 500),
        ("/pipelines", {"display_name": "Small"}, 409),
        ("/pipelines", {"description": "a"}, 500),
        ("/experiments", {"display_name": "SMALL"}, 409),
        ("/recurringruns", recurring("0 2 * * *"), 200),
        ("/recurringruns", recurring("@daily"), 200),
        ("/recurringruns", recurring("@every 1h"), 200),
        ("/recurringruns", recurring("0 0 0 31 2 *"), 200),  # and it never comes
        ("/recurringruns", recurring("0 2 * *"), 400),
        ("/recurringruns", recurring(max_concurrency=10), 200),
        ("/recurringruns", recurring(max_concurrency="11"), 400),
        ("/recurringruns", {k: v for k, v in recurring().items() if k != "mode"}, 200),
    ],
)
def test_what_is_made_and_what_is_refused(desk, path, body, status):
    desk.submit()
    found, kind, text = ask(desk, "POST", path, body)
    assert (found, kind) == (status, "application/json")
    if status != 200:
        assert set(json.loads(text)) == {"code", "message", "details"}


def test_lists(desk):
    for path in ("/runs", "/experiments", "/recurringruns"):
        assert ask(desk, "GET", path) == (200, "application/json", "{}")
    assert ask(desk, "GET", "/pipelines/pipeline-9/versions")[0] == 404


def test_uploads(desk):
    desk.submit()
    version = desk.server.state.versions["version-2"]["name"]
    text = desk.package.read_text()

    def upload(name: str, pipeline: str = "pipeline-1", text: str = text) -> tuple[int, str]:
        path = f"/pipelines/upload_version?name={name}&pipelineid={pipeline}"
        status, kind, body = ask(desk, "POST", path, text)
        if status != 200 and body.startswith("{"):
            assert set(json.loads(body)) == {"error_message", "error_details"}
        return status, kind

    assert ask(desk, "POST", "/pipelines", {"display_name": "other"})[0] == 200
    [other] = [p for p in desk.server.state.pipelines if p != "pipeline-1"]
    assert upload(version) == (409, "application/json")
    assert upload(version, other) == (200, "application/json")
    assert upload("new", "pipeline-9") == (400, "text/plain; charset=utf-8")
    assert upload("n" * 128) == (400, "text/plain; charset=utf-8")
    old = text.replace("schemaVersion: 2.1.0", "schemaVersion: 2.0.0")
    assert old != text
    assert upload("old", text=old) == (500, "application/json")


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"display_name": "a", "max_concurrency": "1", "mode": "ENABLE"}, []),
        ({"name": "a"}, ["body.name is unknown"]),
        ({"max_concurrency": 1}, []),  # an int64 is text or a number
        ({"max_concurrency": 1.5}, ["body.max_concurrency is float, not str"]),
        ({"no_catchup": "yes"}, ["body.no_catchup is str, not bool"]),
        ({"mode": "ENABLED"}, ["body.mode = 'ENABLED' is not known"]),
        ({"created_at": "yesterday"}, ["body.created_at is no time"]),
        ({"trigger": {"cron": "0 0 2 * * *"}}, ["body.trigger.cron is unknown"]),
        ({"trigger": []}, ["body.trigger is no object"]),
        ({"runtime_config": {"parameters": {"any": [1, None]}}}, []),
        ({"runtime_config": {"parameters": []}}, ["body.runtime_config.parameters is no object"]),
    ],
)
def test_a_recurring_run(body, found):
    assert faults(body, "V2beta1RecurringRun") == found


def test_lists_are_looked_into():
    listed = {"runs": [{"state": "SUCCEEDED"}, {"state": "DONE"}]}
    assert faults(listed, "V2beta1ListRunsResponse") == ["body.runs[1].state = 'DONE' is not known"]
    assert faults({"runs": {}}, "V2beta1ListRunsResponse") == ["body.runs is no list"]
