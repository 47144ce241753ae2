"""Schedules, over HTTP: what the server receives, idempotence by name, the commands on them."""

from collections.abc import Iterator

import pytest

from kubeflow import client
from tests.kfp_kit import Desk, desk_at
from tests.kfp_server import serve


@pytest.fixture
def desk(tmp_path, monkeypatch) -> Iterator[Desk]:
    with serve() as server:
        yield desk_at(tmp_path, server, monkeypatch)


def changes(desk: Desk, since: int) -> list[str]:
    """The requests after `since` that change something."""
    asked = desk.server.requests[since:]
    return [f"{r.method} {r.path}" for r in asked if r.method != "GET"]


def test_what_the_server_receives(desk):
    desk.configure(experiment="nightly", service_account="runner", pipeline_root="s3://b/r")
    shown = desk.schedule("--set", "epochs=3")
    [made] = desk.server.asked("POST", "/recurringruns")
    description = made.body.pop("description")
    version = desk.server.state.versions["version-2"]["name"]
    assert description.startswith(f"scheduled by diptych: version {version}, content ")
    assert description.endswith(", enabled")
    assert len(description) < 191  # what the oldest databases of Kubeflow keep
    assert made.body == {
        "display_name": "small",
        "experiment_id": "experiment-3",
        "pipeline_version_reference": {
            "pipeline_id": "pipeline-1",
            "pipeline_version_id": "version-2",
        },
        "runtime_config": {"parameters": {"epochs": 3}, "pipeline_root": "s3://b/r"},
        "service_account": "runner",
        "trigger": {"cron_schedule": {"cron": "0 0 2 * * *"}},
        "max_concurrency": "1",
        "no_catchup": True,
        "mode": "ENABLE",
    }
    first, second, third = shown.stdout.splitlines()
    assert first == f"pipeline small: uploaded version {version}"
    assert second == "schedule small: scheduled, 0 0 2 * * *"
    assert third.startswith("  next, in UTC: 20")
    assert third.count(" 02:00:00") == 3


def test_scheduling_twice_changes_nothing(desk):
    desk.schedule("--name", "nightly")
    before = len(desk.server.requests)
    shown = desk.schedule("--name", "nightly", cron="0  0 2 * *   *")
    assert shown.stdout.splitlines()[1] == "schedule nightly: is scheduled so already, 0 0 2 * * *"
    assert changes(desk, before) == []


@pytest.mark.parametrize("what", ["cron", "content", "setting", "service account", "experiment"])
def test_scheduling_otherwise_updates(desk, what):
    desk.schedule()
    before = len(desk.server.requests)
    if what == "content":
        desk.compile(image="registry.example/diptych:2")
    if what in ("service account", "experiment"):
        desk.configure(**{what.replace(" ", "_"): "another"})
    shown = desk.schedule(
        *(["--set", "epochs=4"] if what == "setting" else []),
        cron="0 30 2 * * *" if what == "cron" else "0 0 2 * * *",
    )
    assert "schedule small: replaced, 0 " in shown.stdout
    [key] = desk.server.state.recurring
    made = [c for c in changes(desk, before) if "recurring" in c]
    assert made == [
        "POST /recurringruns",
        "POST /recurringruns/recurring-4:disable",
        f"POST /recurringruns/{key}:enable",
        "DELETE /recurringruns/recurring-4",
    ]
    # The runs that the old one started are not deleted with it.
    [deleted] = desk.server.asked("DELETE")
    assert deleted.query == {"propagation_policy": "ORPHAN"}
    assert desk.server.state.recurring[key]["mode"] == "ENABLE"
    assert desk.server.most_enabled == 1


def test_paused_stays_paused_when_it_is_updated(desk):
    desk.schedule()
    assert desk("schedule", "pause", "small").stdout == "schedule small: paused\n"
    desk.server.most_enabled = 0
    shown = desk.schedule(cron="0 0 3 * * *")
    assert shown.stdout.splitlines()[1] == "schedule small: replaced, 0 0 3 * * * (paused)"
    [left] = desk.server.state.recurring.values()
    assert (left["mode"], left["trigger"]) == (
        "DISABLE",
        {"cron_schedule": {"cron": "0 0 3 * * *"}},
    )
    assert desk.server.most_enabled == 0
    again = desk.schedule("--enabled", cron="0 0 3 * * *")
    assert again.stdout.splitlines()[1] == "schedule small: resumed, 0 0 3 * * *"
    assert desk.server.most_enabled == 1
    last = desk.schedule("--paused", cron="0 0 3 * * *")
    assert last.stdout.splitlines()[1] == "schedule small: paused, 0 0 3 * * * (paused)"


def test_a_new_one_may_be_paused(desk):
    desk.schedule("--paused")
    [made] = desk.server.asked("POST", "/recurringruns")
    assert made.body["mode"] == "DISABLE"
    assert desk.server.most_enabled == 0


@pytest.mark.parametrize("whose", ["by hand", "another pipeline's"])
def test_what_is_not_ours_is_not_replaced(desk, whose):
    desk.schedule()
    other = desk.server.state.recurring["recurring-4"]
    if whose == "by hand":
        other["description"] = "every night"
    else:
        other["pipeline_version_reference"] = {"pipeline_id": "pipeline-9"}
    shown = desk.schedule(cron="0 0 3 * * *")
    assert shown.stderr == (
        f"diptych: {desk.server.url}: there is a schedule small that is not one of small; choose "
        "another --name, or delete that one: diptych kubeflow schedule delete small\n"
    )
    assert list(desk.server.state.recurring.values()) == [other]


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
    monkeypatch.setattr(client, "PAGE", 2)
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

    from kubeflow.cli import app

    config, package = str(desk.config), str(desk.package)
    given = ["schedule", config, "--package", package, "--cron", "0 0 2 * * *"]
    assert CliRunner().invoke(app, ["kubeflow", *given]).exit_code == 0
    assert list(desk.server.state.recurring) == ["recurring-4"]
    shown = CliRunner().invoke(app, ["kubeflow", "schedule", "-c", config, "pause", "small"])
    assert shown.stdout == "schedule small: paused\n"
