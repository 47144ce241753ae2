"""Races, kills and a watcher; what happens is in `tests.support.programs.release_changes`."""

import json
import subprocess
import sys

import pytest

STRIDE = 5  # every step is killed at by `tests.e2e.release_kills`


def run(*arguments: object) -> dict:
    program = [sys.executable, "-W", "ignore", "-m", "tests.support.programs.release_changes"]
    command = [*program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def test_sixteen_at_once_one_winner_a_decision_and_never_a_worse_model(tmp_path):
    found = run("race", tmp_path)
    # 0: promoted; 1: compared with a release that serves no longer; nothing else may happen.
    assert len(found["rounds"][0]) == 16
    for ended in found["rounds"]:
        assert ended == [0] + [1] * (len(ended) - 1)
    # Every winner is better than the one before, and the best of all is the last.
    assert found["qualities"] == sorted(set(found["qualities"]))
    assert found["qualities"][-1] == 16
    # Seventeen models, each released once however often it was pushed.
    assert found["numbers"] == list(range(1, 18))
    assert sorted(found["versions"]) == found["numbers"]
    assert found["serving"] == found["champion"] == found["aliases"]["champion"]


def test_a_watcher_sees_no_half_release_through_50_pushes(tmp_path):
    found = run("watch", tmp_path)
    assert found["wrong"] == []
    assert found["polls"] > 500
    numbers = [int(each) for each in found["served"]]
    assert numbers == sorted(numbers)
    assert numbers[-1] == 50


@pytest.fixture(scope="module")
def kills(tmp_path_factory) -> dict:
    return run("kills", tmp_path_factory.mktemp("kills"), STRIDE)


def test_a_push_killed_at_any_step_leaves_the_old_release_and_a_clean_rerun(kills):
    assert len(kills["push"]) > 50 / STRIDE
    seen = [each["seen"] for each in kills["push"]]
    # The old one serves until models.config has moved; from there on the new one does.
    assert seen == sorted(seen)
    assert set(seen) == {1, 2}
    for each in kills["push"]:
        assert each["again"] == 0
        assert each["settled"] == each["serving"] == each["champion"] == 2
        assert each["aliases"] == {"champion": 2}
        assert (each["numbers"], each["versions"], each["runs"]) == ([1, 2], [2, 1], 2)
        assert each["litter"] == []


def test_a_rollback_killed_at_any_step_is_either_not_begun_or_finished_by_the_next(kills):
    assert len(kills["rollback"]) > 10 / STRIDE
    settled = [each["settled"] for each in kills["rollback"]]
    assert settled == sorted(settled, reverse=True)
    assert set(settled) == {1, 2}
    for each in kills["rollback"]:
        assert each["serving"] == each["champion"] == each["settled"]
        assert each["aliases"] == {"champion": each["settled"]}
        assert each["litter"] == []


def test_a_promotion_killed_at_any_step_is_not_begun_or_finished_by_the_next(kills):
    assert len(kills["promote"]) > 10 / STRIDE
    seen = [each["seen"] for each in kills["promote"]]
    assert seen == sorted(seen)
    assert set(seen) == {1, 2}
    for each in kills["promote"]:
        assert each["again"] == 0
        assert each["serving"] == each["champion"] == each["settled"] == 2
        assert each["aliases"] == {"champion": 2}
        assert each["litter"] == []


def test_a_removal_killed_at_any_step_is_finished_by_the_next(kills):
    """Of three champions the first goes: files and registry together, and nothing else."""
    assert len(kills["prune"]) > 10 / STRIDE
    for each in kills["prune"]:
        assert each["seen"] == each["serving"] == each["champion"] == 3
        assert each["again"] == 0
        assert (each["numbers"], each["versions"]) == ([2, 3], [3, 2])
        assert each["aliases"] == {"champion": 3}
        assert each["litter"] == []
