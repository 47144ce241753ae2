"""Kubeflow Pipelines 2.14 to 2.17: what each takes, and what is done where one does not."""

import pytest

VERSIONS = ["2.14.0", "2.15.2", "2.16.1", "2.17.0", "v2.18.0-rc.1", "unknown"]
NEWER = "0 0 3 * * *"


def start_a_run_of(desk, schedule: str, state: str = "RUNNING") -> None:
    run = {"run_id": "run-night", "recurring_run_id": schedule, "state": state}
    desk.server.state.runs["run-night"] = {**run, "created_at": "2027-01-01T00:00:00Z"}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_schedule_is_replaced_on_each(desk, version):
    desk.server.state.version = version.removeprefix("v")
    desk.schedule()
    start_a_run_of(desk, "recurring-4", "SUCCEEDED")
    shown = desk.schedule(cron=NEWER)
    assert "schedule small: replaced" in shown.stdout
    [left] = desk.server.state.recurring.values()
    assert left["trigger"] == {"cron_schedule": {"cron": NEWER}}
    [deleted] = desk.server.asked("DELETE")
    knows = version not in ("2.14.0", "2.15.2", "unknown")
    assert deleted.query == ({"propagation_policy": "ORPHAN"} if knows else {})


@pytest.mark.parametrize("version", VERSIONS)
def test_a_run_under_way_survives_the_change_of_its_schedule(desk, version):
    desk.server.state.version = version.removeprefix("v")
    desk.schedule()
    start_a_run_of(desk, "recurring-4")
    shown = desk.schedule(cron=NEWER)
    assert shown.exit_code == 0
    assert "schedule small: replaced" in shown.stdout
    assert desk.server.state.runs["run-night"]["state"] == "RUNNING"
    modes = {key: each["mode"] for key, each in desk.server.state.recurring.items()}
    if version in ("2.14.0", "2.15.2", "unknown"):
        assert sorted(modes.values()) == ["DISABLE", "ENABLE"]
        assert modes["recurring-4"] == "DISABLE"
        assert (
            "  warning: the schedule that small had before stays, paused: run run-night of it is "
            f"under way, and Kubeflow Pipelines before 2.16 (this is {version}) would end it too; "
            "the same command deletes it once the run has ended\n"
        ) in shown.stdout
        desk.server.state.runs["run-night"]["state"] = "SUCCEEDED"
        assert "is scheduled so already" in desk.schedule(cron=NEWER).stdout
    assert [each["mode"] for each in desk.server.state.recurring.values()] == ["ENABLE"]


def test_a_schedule_whose_run_is_under_way_is_not_deleted_on_an_old_server(desk):
    desk.server.state.version = "2.15.2"
    desk.schedule()
    start_a_run_of(desk, "recurring-4")
    shown = desk("schedule", "delete", "small")
    assert shown.exit_code == 1
    assert shown.stderr == (
        f"diptych: {desk.server.url}: the schedule small cannot be deleted: run run-night of it is "
        "under way, and Kubeflow Pipelines before 2.16 (this is 2.15.2) would end it too; pause "
        "it, and delete it once the run has ended\n"
    )
    assert desk.server.state.runs["run-night"]["state"] == "RUNNING"
    assert list(desk.server.state.recurring) == ["recurring-4"]


def test_pausing_on_an_old_server_leaves_the_run_under_way_alone(desk):
    desk.server.state.version = "2.15.2"
    desk.schedule()
    start_a_run_of(desk, "recurring-4")
    desk.schedule(cron=NEWER)
    shown = desk("schedule", "pause", "small")
    assert shown.stdout.startswith("  warning: the schedule that small had before stays, paused: ")
    assert shown.stdout.endswith("\nschedule small: paused\n")
    made = desk.server.state.recurring
    assert [each["mode"] for each in made.values()] == ["DISABLE", "DISABLE"]
    assert desk.server.state.runs["run-night"]["state"] == "RUNNING"
    desk.server.state.runs["run-night"]["state"] = "SUCCEEDED"
    assert desk("schedule", "pause", "small").stdout == "schedule small: is paused already\n"
    assert [each["trigger"]["cron_schedule"]["cron"] for each in made.values()] == [NEWER]


def test_the_imitation_of_an_old_server_ends_runs_with_their_schedule(desk):
    from tests.integration.kubeflow.test_kfp_server import ask

    desk.server.state.version = "2.15.2"
    desk.schedule()
    start_a_run_of(desk, "recurring-4")
    assert ask(desk, "DELETE", "/recurringruns/recurring-4?propagation_policy=ORPHAN")[0] == 400
    assert ask(desk, "DELETE", "/recurringruns/recurring-4")[0] == 200
    assert desk.server.state.runs["run-night"]["state"] == "FAILED"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_service_account_of_scheduled_runs(desk, version):
    desk.server.state.version = version.removeprefix("v")
    assert "warning" not in desk.schedule().stdout
    desk.configure(service_account="runner")
    shown = desk.schedule()
    assert shown.exit_code == 0
    [made] = desk.server.state.recurring.values()
    assert made["service_account"] == "runner"
    tells = "does not name its version" if version == "unknown" else f"is {version}"
    warning = (
        "  warning: scheduled runs take kubeflow.service_account from Kubeflow Pipelines 2.17 on, "
        f"and {desk.server.url} {tells}: before it they run as the server's default account; give "
        "that one (pipeline-runner, or default-editor where there are several users) the rights "
        "of runner, or upgrade the server\n"
    )
    assert (warning in shown.stdout) == (version in ("2.14.0", "2.15.2", "2.16.1", "unknown"))
