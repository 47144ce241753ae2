"""The server of the tests refuses what does not fit kfp-server-api's models."""

import pytest

from tests.kfp_models import faults


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"display_name": "a", "max_concurrency": "1", "mode": "ENABLE"}, []),
        ({"name": "a"}, ["body.name is unknown"]),
        ({"max_concurrency": 1}, ["body.max_concurrency is int, not str"]),
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
