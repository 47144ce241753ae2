"""The tables of a run on a terminal: the weakest slices, readable numbers, 80 columns."""

from components.evaluator.metrics.measurement import Background, Estimate, Measurement, Results
from components.evaluator.report import Report
from pipeline.console.tables import every_metric, print_report, slices
from tests.support.screen import Screen

NAMES = ("recall_at_1", "recall_at_5", "recall_at_10", "mrr", "median_rank")


def measured(recall: float, queries: int = 50) -> dict[str, Measurement]:
    known = Measurement(Background(queries, 1527, 0.0065), Estimate(recall, recall, recall))
    return {f"{way}_{n}": known for way in ("text_to_image", "image_to_text") for n in NAMES}


RESULTS: Results = {("kind", f"k{n}"): measured((n * 7 % 10) / 10) for n in range(10)}
REPORT = Report({**RESULTS, (): measured(0.5, 3040)})


def shown(most: int | None, columns: int = 80) -> list[str]:
    screen = Screen(columns, 40)
    print_report(REPORT, screen.console(), most_slices=most)
    return screen.shown


def test_the_lowest_slices_and_how_many_there_are():
    lines = shown(3)
    top = lines.index(next(line for line in lines if line.startswith("lowest 3 of 10 slices")))
    assert [line.split()[2] for line in lines[top + 1 :]] == ["k0", "k3", "k6"]  # 0.0, 0.1, 0.2
    assert [line.split()[-1] for line in lines[top + 1 :]] == ["0.000", "0.100", "0.200"]
    assert lines[top - 1] == ""


def test_all_slices_by_their_names():
    for most in (None, 10, 11):
        lines = shown(most)
        top = lines.index(next(line for line in lines if line.startswith("slices, text to image")))
        assert [line.split()[2] for line in lines[top + 1 :]] == [f"k{n}" for n in range(10)]
    assert slices(Report({(): measured(0.5)}), 3) is None


def test_numbers_are_written_out():
    wide = Measurement(Background(9, 1527, 764.0), Estimate(1234.4, 14.93, 123456.0))
    screen = Screen(80, 40)
    screen.console().print(every_metric({"text_to_image_mean_rank": wide}))
    assert screen.shown[1].split()[1:] == ["9", "1,527", "1,234", "14.9", "123,456", "764"]


def test_a_terminal_of_80_columns_cuts_nothing_off():
    assert not [line for line in shown(5) if "…" in line]
