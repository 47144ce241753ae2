"""The end of a run on a low terminal: what counts most, within its lines."""

import io
from collections.abc import Sequence

from diptych.cli.printing import print_gate, print_summary, print_warnings
from pipeline.console.rich_console import Console
from pipeline.console.summary import Summary
from pipeline.console.tables import directions, print_table
from pipeline.console.terminal import lines, say
from schema.text.messages import number_of
from schema.text.untrusted_text import for_people

AROUND = 8  # lines around a whole summary: the curves, how long it took, what comes next, a prompt
BELOW = 5  # lines below a brief one: how long it took, three commands, a prompt
TABLE = 5  # lines of the table of all queries


def is_too_long(summary: Summary, console: Console) -> bool:
    """Whether a terminal is too low for the whole summary of a run."""
    if not console.is_terminal:
        return False
    text = io.StringIO()
    print_summary(summary, Console(file=text, width=console.width, force_terminal=True))
    return text.getvalue().count("\n") + AROUND > console.height


def print_brief(summary: Summary, console: Console) -> None:
    """Print what has room above the verdict and the next commands.

    Gates that refused the model come first, then warnings, the table of all queries, the gates that
    hold, and notes; then how many were left out.
    """
    failed = [gate.sentence for gate in summary.gates if not gate.passed]
    passed = [gate.sentence for gate in summary.gates if gate.passed]
    table = directions(summary.results[()])
    groups = [failed, list(summary.warnings), passed, list(summary.notes)]
    room = console.height - BELOW - _height(summary.verdict, console) - 1  # a blank line above
    shown: list[Sequence[str]] = []
    has_table = False
    for place, group in enumerate(groups):
        if place == 2 and table is not None:  # behind failed gates and warnings
            has_table = room - TABLE >= sum(map(bool, groups[place:]))
            room -= TABLE * has_table
        later = sum(map(bool, groups[place + 1 :]))  # each of them has a line at least
        chosen = _fitting(group, room - later, console)
        room -= sum(_height(sentence, console) for sentence in chosen)
        room -= len(chosen) < len(group)
        shown.append(chosen)
    if has_table and table is not None:
        print_table(table, console)
    else:
        console.print()
    for passed_it, number in ((False, 0), (True, 2)):
        for sentence in shown[number]:
            print_gate(passed_it, sentence, console)
        left = len(groups[number]) - len(shown[number])
        if left:
            more = " more" if shown[number] else ""
            gates, holds = ("gate", "holds") if left == 1 else ("gates", "hold")
            verb = holds if passed_it else "refused it"
            print_gate(passed_it, f"{left:,}{more} {gates} {verb}", console)
    print_warnings(shown[1], shown[3], console)
    if left := sum(len(groups[n]) - len(shown[n]) for n in (1, 3)):
        say(console, f"  ! {number_of(left, 'more warning')}", "yellow")


def _fitting(sentences: Sequence[str], room: int, console: Console) -> Sequence[str]:
    """Return the first sentences that have room; a line is kept for the number of the others."""
    if sum(_height(sentence, console) for sentence in sentences) <= room:
        return sentences
    room -= 1
    for count, sentence in enumerate(sentences):
        room -= _height(sentence, console)
        if room < 0:
            return sentences[:count]
    return sentences


def _height(sentence: str, console: Console) -> int:
    """Count the lines of a sentence behind its mark; the terminal cuts words that are too long."""
    wrapped = lines(f"  ! {for_people(sentence)}", console.width)
    return sum(-(-len(line) // console.width) for line in wrapped)
