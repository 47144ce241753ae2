"""Which decision lets a release become champion."""

import pytest

from components.release.gates import Decision, GateResult, RefusedError

HELD = GateResult(passed=True, sentence="recall is 0.5")
FAILED = GateResult(passed=False, sentence="recall is 0.1, below 0.4")
SLOW = GateResult(passed=False, sentence="p99 is 9 ms, over 5 ms")


def test_a_release_that_was_compared_with_the_champion_may_replace_it():
    for baseline, gates in ((None, [HELD]), (3, [HELD, HELD])):
        decision = Decision.of(baseline, gates)
        assert (decision.passed, decision.refusals) == (True, ())
        decision.require(4, champion=baseline)


def test_every_gate_that_failed_is_named():
    decision = Decision.of(3, [HELD, FAILED, SLOW])
    assert (decision.passed, decision.refusals) == (False, (FAILED.sentence, SLOW.sentence))
    with pytest.raises(RefusedError, match=r"^recall is 0\.1, below 0\.4; p99 is 9 ms, over 5 ms$"):
        decision.require(4, champion=3)


@pytest.mark.parametrize(
    ("baseline", "champion", "sentence"),
    [
        (None, 2, "release 4 was compared with nothing, and release 2 serves now"),
        (2, 3, "release 4 was compared with release 2, and release 3 serves now"),
        (2, None, "release 4 was compared with release 2, and nothing serves now"),
    ],
)
def test_a_comparison_with_another_release_is_out_of_date(baseline, champion, sentence):
    with pytest.raises(RefusedError, match=f"^{sentence}$"):
        Decision.of(baseline, [HELD]).require(4, champion)
