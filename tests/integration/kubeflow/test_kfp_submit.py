"""Submit, over HTTP: what the server receives, and that twice uploads once."""

import json
import types

import pytest
import yaml

from kubeflow.compiler import package_writer
from tests.support.kfp.desk import documents


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


def test_a_config_is_compiled_where_no_package_is_given(desk, monkeypatch):
    text = yaml.safe_dump_all(documents(image="registry.example/fresh:1"))
    asked = []

    def compiled_now(config, platform):
        asked.append((config.name, platform))
        return types.SimpleNamespace(text=text, findings=()), 0.0

    monkeypatch.setattr(package_writer, "compile_with_log", compiled_now)
    assert desk("submit").exit_code == 0
    assert asked == [("small", "kubeflow")]
    [upload] = desk.server.asked("POST", "/pipelines/upload_version")
    assert upload.body["uploadfile"]["text"] == text
