"""Schedules, over HTTP: what the server receives, idempotence by name, updates."""

import pytest

from tests.support.kfp.desk import Desk


def changes(desk: Desk, since: int) -> list[str]:
    """The requests after `since` that change something."""
    asked = desk.server.requests[since:]
    return [f"{r.method} {r.path}" for r in asked if r.method != "GET"]


def test_what_the_server_receives(desk):
    desk.server.state.version = "2.17.0"
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


def test_two_that_others_made_of_one_become_one(desk):
    desk.schedule()
    one = desk.server.state.recurring["recurring-4"]
    later = {"recurring_run_id": "recurring-5", "created_at": "2027-01-01T00:00:00+00:00"}
    desk.server.state.recurring["recurring-5"] = {**one, **later}
    assert "enabled, 1 left over" in desk("schedule", "list").stdout
    shown = desk.schedule()
    assert "schedule small: is scheduled so already" in shown.stdout
    assert list(desk.server.state.recurring) == ["recurring-5"]
