"""Waiting for a run: what is told, what is survived, what ends it."""

from typing import Any

import pytest

from kubeflow.client import submit


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(submit, "POLL_SECONDS", 0.01)


@pytest.mark.parametrize(("last", "code"), [("SUCCEEDED", 0), ("FAILED", 1), ("CANCELED", 1)])
def test_waiting_tells_each_change(desk, last, code):
    desk.server.state.states = ["PENDING", "RUNNING", "RUNNING", last]
    shown = desk.submit("--wait")
    assert shown.stdout.splitlines()[3:6] == [
        "run run-4: pending",
        "run run-4: running",
        f"run run-4: {last.lower()}",
    ]
    assert len(shown.stdout.splitlines()) == (8 if last == "FAILED" else 6)
    assert shown.exit_code == code


def test_waiting_survives_a_server_that_is_away_for_a_while(desk):
    desk.server.state.states = ["RUNNING", "SUCCEEDED"]
    desk.server.fail(8, 503, times=4)
    shown = desk.submit("--wait")
    assert shown.stdout.splitlines()[3:] == ["run run-4: running", "run run-4: succeeded"]
    assert len(desk.server.asked("GET", "/runs/run-4")) == 6


@pytest.mark.parametrize(("patience", "code"), [(3, 0), (2, 1)])
def test_only_failures_in_a_row_count(desk, monkeypatch, patience, code):
    monkeypatch.setattr(submit, "PATIENCE", patience)
    desk.server.state.states = ["RUNNING", "SUCCEEDED"]
    desk.server.faults = {8: 503, 9: "close", 11: 500, 12: 429}  # and 10 is answered
    shown = desk.submit("--wait")
    assert shown.exit_code == code
    assert shown.stderr == (
        f"diptych: {desk.server.url}: closed the connection: could not read the state of run run-4"
        "; the run itself goes on\n"
        if code
        else ""
    )


def test_waiting_ends_when_the_sign_in_expires(desk):
    desk.server.state.states = ["RUNNING"] * 9
    desk.server.fail(10, 401)
    shown = desk.submit("--wait")
    assert shown.exit_code == 1
    assert shown.stderr == (
        f"diptych: {desk.server.url}: the sign-in is missing or has expired: write a token to a "
        "file and name the file in KF_PIPELINES_SA_TOKEN_PATH; the run itself goes on\n"
    )


# The nodes of the workflow, as Kubeflow 2.16.1 lists them: no error on any.
NODES = [
    ("small-x7k2p", "FAILED"),
    ("root", "FAILED"),
    ("root-driver", "SUCCEEDED"),
    ("Trainer-driver", "SUCCEEDED"),
    ("Trainer", "FAILED"),
    ("executor", "FAILED"),
    ("executor(0)", "FAILED"),
]
LOGS = """  why: kubectl -n NS get pods -l pipeline/runid=run-4 \
--field-selector status.phase=Failed -o custom-columns='POD:.metadata.name,\
WHY:.status.containerStatuses[?(@.name=="main")].state.terminated.message'
  log: kubectl -n NS logs POD -c main, or URL/#/runs/details/run-4
"""


def details(**errors: str) -> dict[str, Any]:
    """What the API says of a failed run, with errors by the name of the node."""
    found = []
    for number, (name, state) in enumerate(NODES):
        task: dict[str, Any] = {
            "run_id": "run-4",
            "task_id": f"task-{number}",
            "display_name": name,
        }
        task |= {"state": state, "child_tasks": [{"pod_name": f"small-x7k2p-{number}"}]}
        if name in errors:
            task["error"] = {"code": 13, "message": errors[name]}
        found.append(task)
    return {"run_details": {"task_details": found}}


@pytest.mark.parametrize(
    ("says", "named"),
    [
        (details(), "  Trainer: failed (task task-4)\n"),
        (details(Trainer="no   memory"), "  Trainer: failed (task task-4): no memory\n"),
        ({}, ""),
        ({"error": {"code": 13, "message": "no\nquota"}}, "  no quota\n"),
        (
            {"run_details": {"task_details": [
                {"task_id": "a", "display_name": "Trainer-driver", "state": "FAILED"},
            ]}},
            "  Kubeflow's driver of Trainer: failed (task a)\n",
        ),
    ],
)  # fmt: skip
def test_a_failed_run_names_the_node_and_where_its_reason_stands(desk, monkeypatch, says, named):
    desk.server.state.states = ["FAILED"]
    answer = desk.server.answer

    def with_details(request):
        for run in desk.server.state.runs.values():
            run.update(says)
        return answer(request)

    monkeypatch.setattr(desk.server, "answer", with_details)
    shown = desk.submit("--wait")
    assert shown.exit_code == 1
    reasons = shown.stdout.partition("run run-4: failed\n")[2]
    assert reasons.replace(desk.server.url, "URL") == named + LOGS.replace("NS", "kubeflow")


def test_the_logs_are_in_the_namespace_of_the_run(desk):
    desk.server.state.multi_user = True
    desk.server.state.states = ["FAILED"]
    desk.configure(namespace="team-a")
    assert (
        LOGS.replace("NS", "team-a").replace("URL", desk.server.url) in desk.submit("--wait").stdout
    )
