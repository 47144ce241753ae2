"""Changing a schedule while the server fails at each request: one is left, and a rerun finishes."""

import pytest

from kubeflow.client import connection
from tests.support.kfp.desk import Desk

OLD, NEW = "0 0 2 * * *", "0 0 3 * * *"
REQUESTS = 9  # that a change takes
MAKES = 5  # which of them makes the new schedule; the next ones pause, enable and delete
LONG_DEAD = 50  # requests: until the process ends, whatever it still tries


@pytest.fixture
def desk(desk):
    desk.schedule(cron=OLD)
    return desk


def state(desk: Desk) -> list[tuple[str, str]]:
    """Cron and mode of every schedule there is."""
    made = desk.server.state.recurring.values()
    return sorted((each["trigger"]["cron_schedule"]["cron"], each["mode"]) for each in made)


def one_sentence(shown) -> bool:
    return shown.stderr.startswith("diptych: ") and shown.stderr.count("\n") == 1


def test_the_number_of_requests(desk):
    before = len(desk.server.requests)
    desk.schedule(cron=NEW)
    asked = desk.server.requests[before:]
    assert len(asked) == REQUESTS
    assert [r.method for r in asked].index("POST") == MAKES


@pytest.mark.parametrize("fault", [500, 403, "close", "late close"])
@pytest.mark.parametrize("at", range(REQUESTS))
def test_one_request_fails(desk, at, fault):
    desk.server.fail(at, fault)
    shown = desk.schedule(cron=NEW)
    assert shown.exit_code == 1
    assert one_sentence(shown)
    if at < REQUESTS - 1:  # taken back: as before
        assert state(desk) == [(OLD, "ENABLE")]
    else:  # only the old one could not be deleted, or the server deleted it and did not say so
        assert (NEW, "ENABLE") in state(desk)
        assert "the schedule small is changed; the old one may be left" in shown.stderr
    again = desk.schedule(cron=NEW)
    assert again.exit_code == 0
    assert state(desk) == [(NEW, "ENABLE")]
    assert desk.server.most_enabled == 1


@pytest.mark.parametrize("late", ["", "late "])
@pytest.mark.parametrize("at", range(REQUESTS))
def test_everything_fails_from_one_request_on(desk, at, late):
    """As when the process is killed there: nothing can be taken back."""
    desk.server.fail(at + 1, "close", times=LONG_DEAD)
    desk.server.faults[len(desk.server.requests) + at] = f"{late}close"
    shown = desk.schedule(cron=NEW)
    assert shown.exit_code == 1
    assert one_sentence(shown)
    desk.server.faults = {}
    assert desk.schedule(cron=NEW).exit_code == 0
    assert state(desk) == [(NEW, "ENABLE")]
    assert desk.server.most_enabled == 1


@pytest.mark.parametrize("second", range(4, REQUESTS))
@pytest.mark.parametrize("first", range(MAKES, REQUESTS))
def test_the_rerun_is_cut_off_too(desk, first, second):
    for at in (first, second):
        desk.server.fail(at, "late close")
        desk.server.faults |= dict.fromkeys(
            range(len(desk.server.requests) + at + 1, len(desk.server.requests) + LONG_DEAD),
            "close",
        )
        desk.schedule(cron=NEW)
    desk.server.faults = {}
    assert desk.schedule(cron=NEW).exit_code == 0
    assert state(desk) == [(NEW, "ENABLE")]
    assert desk.server.most_enabled == 1


@pytest.mark.parametrize("at", range(REQUESTS - 2))
def test_a_paused_one_stays_paused(desk, at):
    desk("schedule", "pause", "small")
    desk.server.most_enabled = 0
    desk.server.fail(at, "late close", times=LONG_DEAD)
    desk.schedule(cron=NEW)
    desk.server.faults = {}
    assert desk.schedule(cron=NEW).exit_code == 0
    assert state(desk) == [(NEW, "DISABLE")]
    assert desk.server.most_enabled == 0


@pytest.mark.parametrize("command", ["pause", "resume"])
@pytest.mark.parametrize("at", range(MAKES, REQUESTS))
def test_pause_and_resume_clear_up_after_a_change_that_was_cut_off(desk, at, command):
    desk.server.fail(at, "late close")
    desk.server.faults |= dict.fromkeys(
        range(len(desk.server.requests) + at + 1, len(desk.server.requests) + LONG_DEAD), "close"
    )
    desk.schedule(cron=NEW)
    desk.server.faults = {}
    assert desk("schedule", command, "small").exit_code == 0
    [(_, mode)] = state(desk)
    assert mode == ("DISABLE" if command == "pause" else "ENABLE")
    assert desk.server.most_enabled == 1


def test_what_cannot_be_taken_back_is_said(desk):
    desk.server.fail(6, 500, times=LONG_DEAD)  # to pause the old one, and all that follows
    shown = desk.schedule(cron=NEW)
    url = desk.server.url
    assert shown.stderr == (
        f"diptych: {url}: could not pause the schedule small (500): no, said the test; the change "
        f"could not be undone either: {url}: could not list the schedules (500): no, said the "
        f"test; "
        "give the same command again to finish it\n"
    )


@pytest.mark.parametrize("reachable", [True, False])
def test_an_impatient_person_takes_it_back_too(desk, monkeypatch, reachable):
    call = connection.Server.call

    def interrupted(server, what, *args, **given):
        answer = call(server, what, *args, **given)
        if what == "pause the schedule small":
            desk.server.fail(0, 500, times=0 if reachable else LONG_DEAD)
            raise KeyboardInterrupt
        return answer

    monkeypatch.setattr(connection.Server, "call", interrupted)
    shown = desk.schedule(cron=NEW)
    assert shown.exit_code != 0
    if reachable:
        assert state(desk) == [(OLD, "ENABLE")]
    else:
        message = "diptych: interrupted; the change could not be undone either: "
        assert shown.stderr.startswith(message)


def test_a_new_one_that_fails_leaves_nothing(desk):
    desk("schedule", "delete", "small")
    desk.server.fail(MAKES, "late close")
    assert desk.schedule(cron=NEW).exit_code == 1
    assert state(desk) == []
