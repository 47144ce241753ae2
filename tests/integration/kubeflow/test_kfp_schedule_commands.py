"""List, pause, resume and delete schedules, over HTTP."""

import pytest

from kubeflow.client import connection


def test_the_list(desk):
    assert desk("schedule", "list").stdout == "no schedules\n"
    desk.schedule("--name", "nightly", cron="0 0 2 29 2 *")
    desk.schedule("--name", "early", "--paused", cron="0 0 1 * * *")
    state = desk.server.state
    version = state.versions["version-2"]["name"]
    for number, ended in enumerate(("SUCCEEDED", "FAILED")):
        state.runs[f"run-{number}"] = {
            "run_id": f"run-{number}",
            "recurring_run_id": "recurring-4",
            "state": ended,
            "created_at": f"2026-02-0{number + 1}T02:00:05+00:00",
            "scheduled_at": f"2026-02-0{number + 1}T02:00:00+00:00",
        }
    foreign = {"recurring_run_id": "x", "display_name": "other", "mode": "ENABLE"}
    foreign["created_at"] = "2026-01-01T00:00:00Z"
    state.recurring["x"] = foreign
    state.recurring["x"]["trigger"] = {"periodic_schedule": {"interval_second": "60"}}
    rows = [line.split() for line in desk("schedule", "list").stdout.splitlines()]
    assert rows[0] == ["name", "cron", "next,", "UTC", "state", "version", "last", "run"]
    assert rows[1] == ["early", *["0", "0", "1", "*", "*", "*"], "-", "paused", version, "-"]
    assert rows[2] == [
        *["nightly", *["0", "0", "2", "29", "2", "*"]],
        *["2028-02-29", "02:00:00", "enabled", version, "failed", "2026-02-02", "02:00"],
    ]
    assert rows[3] == ["other", "-", "?", "enabled", "-"]


def test_lists_are_read_to_their_last_page(desk, monkeypatch):
    for name in ("a", "b", "c", "d", "e"):
        desk.schedule("--name", name)
    monkeypatch.setattr(connection, "PAGE", 2)
    before = len(desk.server.requests)
    names = [line.split()[0] for line in desk("schedule", "list").stdout.splitlines()]
    assert names == ["name", "a", "b", "c", "d", "e"]
    asked = [r for r in desk.server.requests[before:] if r.path == "/recurringruns"]
    assert [r.query["page_size"] for r in asked] == ["2", "2", "2"]


def test_pause_resume_delete(desk):
    desk.schedule("--name", "a+b 100%")  # a name that must be escaped twice in a filter
    assert desk("schedule", "pause", "a+b 100%").stdout == "schedule a+b 100%: paused\n"
    assert desk.server.state.recurring["recurring-4"]["mode"] == "DISABLE"
    assert desk("schedule", "pause", "a+b 100%").stdout == "schedule a+b 100%: is paused already\n"
    assert desk("schedule", "resume", "a+b 100%").stdout == "schedule a+b 100%: resumed\n"
    assert desk.server.state.recurring["recurring-4"]["mode"] == "ENABLE"
    assert desk("schedule", "resume", "a+b 100%").stdout == "schedule a+b 100%: is not paused\n"
    assert desk("schedule", "delete", "a+b 100%").stdout == "schedule a+b 100%: deleted\n"
    assert not desk.server.state.recurring
    shown = desk("schedule", "delete", "a+b 100%")
    assert shown.stdout == "schedule a+b 100%: there is none of this name\n"
    assert shown.exit_code == 0


def test_a_name_in_capitals_is_another_name(desk):
    desk.schedule("--name", "nightly")
    desk.schedule("--name", "Nightly", cron="0 0 3 * * *")
    assert len(desk.server.state.recurring) == 2
    desk("schedule", "delete", "NIGHTLY")
    assert len(desk.server.state.recurring) == 2


def test_somebody_else_deletes_it_at_the_same_time(desk):
    desk.schedule()
    desk.server.fail(2, 404)  # after its health and the list
    assert desk("schedule", "delete", "small").stdout == "schedule small: deleted\n"


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_a_name_that_nobody_has(desk, command):
    desk.schedule("--name", "nightly")
    shown = desk("schedule", command, "nigtly")
    assert shown.stderr == (
        f"diptych: {desk.server.url}: no schedule is called nigtly; there are nightly\n"
    )
    assert shown.exit_code == 1


def test_several_users(desk):
    desk.server.state.multi_user = True
    desk.configure(namespace="team-a")
    assert desk.schedule().exit_code == 0
    assert desk("schedule", "list").exit_code == 0
    lists = desk.server.asked("GET", "/recurringruns") + desk.server.asked("GET", "/runs")
    assert [r.query["namespace"] for r in lists] == ["team-a"] * 3


def test_the_config_may_stand_first_and_options_before_a_command(desk):
    from typer.testing import CliRunner

    from diptych.cli.main import app

    config, package = str(desk.config), str(desk.package)
    given = ["schedule", config, "--package", package, "--cron", "0 0 2 * * *"]
    assert CliRunner().invoke(app, ["kubeflow", *given]).exit_code == 0
    assert list(desk.server.state.recurring) == ["recurring-4"]
    shown = CliRunner().invoke(app, ["kubeflow", "schedule", "-c", config, "pause", "small"])
    assert shown.stdout == "schedule small: paused\n"
