"""Submit, over HTTP: what the server receives, and that twice uploads once."""

import json
from collections.abc import Iterator

import pytest
import yaml

from kubeflow import submit
from tests.kfp_kit import Desk, desk_at, documents
from tests.kfp_server import serve


@pytest.fixture
def desk(tmp_path, monkeypatch) -> Iterator[Desk]:
    monkeypatch.setattr(submit, "POLL_SECONDS", 0.01)
    with serve() as server:
        yield desk_at(tmp_path, server, monkeypatch)


def test_the_first_run(desk):
    desk.configure(service_account="runner", pipeline_root="minio://bucket/root")
    shown = desk.submit("--set", "epochs=3", "--set", "data_path=/new data")
    server = desk.server
    [pipeline], [version] = server.state.pipelines.values(), server.state.versions.values()
    assert pipeline["display_name"] == "small"
    [upload] = server.asked("POST", "/pipelines/upload_version")
    assert upload.query == {"name": version["name"], "pipelineid": "pipeline-1"}
    assert list(yaml.safe_load_all(upload.body["uploadfile"]["text"])) == documents()
    [run] = server.asked("POST", "/runs")
    assert run.body.pop("display_name").startswith("small 20")
    assert run.body == {
        "experiment_id": "experiment-3",
        "pipeline_version_reference": {
            "pipeline_id": "pipeline-1",
            "pipeline_version_id": "version-2",
        },
        "runtime_config": {
            "parameters": {"epochs": 3, "data_path": "/new data"},
            "pipeline_root": "minio://bucket/root",
        },
        "service_account": "runner",
    }
    first, second, third = shown.stdout.splitlines()
    assert first == f"pipeline small: uploaded version {version['name']}"
    assert second.startswith("run small 20")
    assert second.endswith(": started as run-4")
    assert third == f"  {server.url}/#/runs/details/run-4"
    assert shown.exit_code == 0


def test_the_same_content_is_uploaded_once_whatever_its_layout(desk):
    desk.submit()
    desk.package.write_text("\n---\n".join(json.dumps(each) for each in documents()))
    shown = desk.submit()
    assert "small: is there already: version small-" in shown.stdout
    assert len(desk.server.asked("POST", "/pipelines/upload_version")) == 1
    desk.compile(image="registry.example/diptych:2")
    desk.submit()
    assert len(desk.server.asked("POST", "/pipelines/upload_version")) == 2
    desk.compile()  # back to the first: its version is there still
    desk.submit()
    assert len(desk.server.asked("POST", "/pipelines/upload_version")) == 2
    versions = [r.body["pipeline_version_reference"] for r in desk.server.asked("POST", "/runs")]
    assert [v["pipeline_version_id"] for v in versions] == [
        "version-2",
        "version-2",
        "version-6",
        "version-2",
    ]
    assert len(desk.server.state.pipelines) == len(desk.server.state.experiments) == 1


def test_another_was_quicker_to_make_the_pipeline(desk):
    desk.submit()
    server = desk.server
    server.fail(1, 404)  # after the question for its health: it is not there yet, it seems
    assert desk.submit().exit_code == 0
    assert [r.path for r in server.requests[-6:-2]] == [
        "/pipelines/names/small",
        "/pipelines",  # 409
        "/pipelines/names/small",
        "/pipelines/pipeline-1/versions",
    ]
    assert len(server.state.runs) == 2


def test_several_users(desk):
    desk.server.state.multi_user = True
    desk.configure(namespace="team-a", experiment="nightly")
    assert desk.submit().exit_code == 0
    assert desk.server.state.pipelines["pipeline-1"]["namespace"] == "team-a"
    assert desk.server.state.experiments["experiment-3"]["namespace"] == "team-a"
    assert desk.server.state.experiments["experiment-3"]["display_name"] == "nightly"
    desk.submit("--namespace", "team-b")
    assert desk.server.asked("GET", "/experiments")[-1].query["namespace"] == "team-b"


@pytest.mark.parametrize(
    ("context", "pod", "used"), [("team-c", "team-p", "team-c"), ("", "team-p", "team-p")]
)
def test_several_users_and_a_namespace_that_kfp_knows(desk, monkeypatch, context, pod, used):
    import kfp.client

    desk.server.state.multi_user = True
    (desk.folder / "context.json").write_text(json.dumps({"namespace": context}))
    (desk.folder / "namespace").write_text(pod)
    monkeypatch.setattr(kfp.client.Client, "_NAMESPACE_PATH", str(desk.folder / "namespace"))
    desk.submit()
    assert desk.server.asked("GET", "/experiments")[-1].query["namespace"] == used


def test_an_archived_experiment_is_refused(desk):
    desk.submit()
    desk.server.state.experiments["experiment-3"]["storage_state"] = "ARCHIVED"
    shown = desk.submit()
    assert shown.stderr == (
        f"diptych: {desk.server.url}: the experiment small is archived; restore it, or name "
        "another in kubeflow.experiment\n"
    )
    assert len(desk.server.state.runs) == 1


@pytest.mark.parametrize(("last", "code"), [("SUCCEEDED", 0), ("FAILED", 1), ("CANCELED", 1)])
def test_waiting_tells_each_change(desk, last, code):
    desk.server.state.states = ["PENDING", "RUNNING", "RUNNING", last]
    shown = desk.submit("--wait")
    assert shown.stdout.splitlines()[3:] == [
        "run run-4: pending",
        "run run-4: running",
        f"run run-4: {last.lower()}",
    ]
    assert shown.exit_code == code


def test_waiting_survives_a_server_that_is_away_for_a_while(desk):
    desk.server.state.states = ["RUNNING", "SUCCEEDED"]
    desk.server.fail(8, 503, times=4)
    shown = desk.submit("--wait")
    assert shown.stdout.splitlines()[3:] == ["run run-4: running", "run run-4: succeeded"]
    assert len(desk.server.asked("GET", "/runs/run-4")) == 6


def test_waiting_ends_when_the_sign_in_expires(desk):
    desk.server.state.states = ["RUNNING"] * 9
    desk.server.fail(10, 401)
    shown = desk.submit("--wait")
    assert shown.exit_code == 1
    assert shown.stderr == (
        f"diptych: {desk.server.url}: the sign-in is missing or has expired: write a token to a "
        "file and name the file in KF_PIPELINES_SA_TOKEN_PATH; the run itself goes on\n"
    )


def test_a_failed_run_says_which_node_and_why(desk):
    desk.submit()
    failed = {"display_name": "Trainer", "state": "FAILED"}
    error = {"code": 2, "message": "no   memory"}
    desk.server.state.states = []
    run = desk.server.state.runs["run-4"]
    run.update(state="FAILED", run_details={"task_details": [{**failed, "error": error}]})
    told: list[str] = []
    from kubeflow.client import connect
    from pipeline.config import load

    kubeflow = load(desk.config).kubeflow
    assert kubeflow is not None
    assert submit.wait(connect(kubeflow), "run-4", told.append) is False
    assert told == ["run run-4: failed", "  Trainer: no memory"]


def test_values_are_typed(desk):
    given = ["rate=2", "fresh=true", 'splits=["a"]', 'tags={"a": 1}', "data_path=3"]
    desk.submit(*(word for each in given for word in ("--set", each)))
    [run] = desk.server.asked("POST", "/runs")
    assert run.body["runtime_config"]["parameters"] == {
        "rate": 2,
        "fresh": True,
        "splits": ["a"],
        "tags": {"a": 1},
        "data_path": "3",
    }


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("epochs", "is written name=value"),
        ("epochs=3.5", "epochs is a whole number"),
        ("epochs=true", "epochs is a whole number"),
        ("epochs=", "epochs is a whole number"),
        ("rate=NaN", "rate is a number"),
        ("fresh=1", "fresh is true or false"),
        ("splits={}", "splits is a list in JSON"),
        ("tags=[]", "tags is an object in JSON"),
        (
            "epoch=3",
            "the pipeline small has data_path (text), epochs (a whole number), fresh (true or "
            "false), rate (a number), splits (a list in JSON), tags (an object in JSON)",
        ),
    ],
)
def test_a_setting_that_does_not_fit_starts_nothing(desk, given, sentence):
    shown = desk.submit("--set", given)
    assert shown.stderr == f"diptych: --set {given}: {sentence}\n"
    assert shown.exit_code == 1
    assert not desk.server.asked("POST")


def test_a_config_is_compiled_where_no_package_is_given(desk, monkeypatch):
    import sys
    import types

    text = yaml.safe_dump_all(documents(image="registry.example/fresh:1"))
    asked = []

    def compile_package(config, platform):
        asked.append((config.name, platform))
        return types.SimpleNamespace(text=text)

    stand_in = types.SimpleNamespace(compile_package=compile_package)
    monkeypatch.setitem(sys.modules, "kubeflow.compile", stand_in)
    assert desk("submit").exit_code == 0
    assert asked == [("small", "kubeflow")]
    [upload] = desk.server.asked("POST", "/pipelines/upload_version")
    assert upload.body["uploadfile"]["text"] == text
