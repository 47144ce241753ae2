"""The end of a run fits a low terminal, whatever the gates, the warnings and their lengths."""

import dataclasses

import pytest

from components.release.gates import GateResult
from diptych.cli.printing import print_verdict
from diptych.cli.run.brief import BELOW, is_too_long, print_brief
from pipeline.console.summary import Summary
from tests.support.programs.played_run import summary
from tests.support.screen import Screen

LONG = "a sentence of forty characters and more, " * 5
BELOW_IT = ["took 1 s", "next: why", "      report", "      search"]


def ended(failed: int, passed: int, warnings: int, notes: int = 0, words: str = "w") -> Summary:
    gates = [GateResult(passed=False, sentence=f"failed {n} {words}") for n in range(failed)]
    gates += [GateResult(passed=True, sentence=f"passed {n} {words}") for n in range(passed)]
    return dataclasses.replace(
        summary(ships=not failed),
        gates=gates,
        warnings=[f"warning {n} {words}" for n in range(warnings)],
        notes=[f"note {n} {words}" for n in range(notes)],
    )


def shown(run: Summary, columns: int = 80, height: int = 24) -> Screen:
    screen = Screen(columns, height)
    console = screen.console()
    assert is_too_long(run, console)
    print_brief(run, console)
    print_verdict(run, console)
    for line in BELOW_IT:
        console.print(line)
    return screen


@pytest.mark.parametrize("words", ["w", LONG], ids=["short", "long"])
@pytest.mark.parametrize("columns", [40, 80, 120])
@pytest.mark.parametrize(
    ("failed", "passed", "warnings", "notes"),
    [(0, 8, 2, 0), (3, 8, 5, 2), (30, 8, 5, 2), (0, 40, 0, 0), (0, 0, 40, 3), (1, 1, 1, 30)],
)
def test_nothing_leaves_the_screen(failed, passed, warnings, notes, columns, words):
    screen = shown(ended(failed, passed, warnings, notes, words), columns)
    assert screen.scrolled == []
    assert screen.shown[-len(BELOW_IT) :] == BELOW_IT


def test_what_refused_the_model_and_what_is_wrong_come_before_the_rest():
    lines = shown(ended(3, 8, 5, 2)).shown
    assert [line for line in lines if "failed" in line] == [f"  ✗ failed {n} w" for n in range(3)]
    assert [line for line in lines if "warning" in line][:5] == [
        f"  ! warning {n} w" for n in range(5)
    ]
    assert any(line.startswith("text to image") for line in lines)
    passed = sum("passed" in line for line in lines)
    assert f"  ✓ {8 - passed} more gates hold" in lines
    assert lines[-1 - len(BELOW_IT)].startswith("not promoted: 3 of 11 gates refused it")


def test_how_many_are_left_out_is_said():
    lines = shown(ended(0, 40, 30)).shown
    warnings = [line for line in lines if "warning" in line]
    [more] = [line for line in warnings if "more" in line]
    assert more == f"  ! {30 - (len(warnings) - 1)} more warnings"
    one = shown(ended(20, 1, 0)).shown
    failed = [line for line in one if "failed" in line]
    assert f"  ✗ {20 - len(failed)} more gates refused it" in one
    assert "  ✓ passed 0 w" in one
    assert len(one) == 24 - 1  # all lines but the prompt's
    assert "  ✓ 40 gates hold" in shown(ended(20, 40, 0)).shown


def test_a_high_terminal_and_a_file_have_the_whole_summary():
    screen = Screen(80, 60)
    assert not is_too_long(ended(0, 8, 2), screen.console())
    assert is_too_long(ended(0, 8, 2), Screen(80, 24).console())
    file = Screen(80, 24).console()
    file._force_terminal = False
    assert not is_too_long(ended(0, 8, 2), file)
    assert len(BELOW_IT) + 1 == BELOW
