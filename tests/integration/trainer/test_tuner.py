"""The search by itself: an objective that is known, trials that fail, the same seed twice."""

import logging
import math
from typing import Any

import pytest
from keras_tuner.errors import FatalError

from pipeline.console.progress_text import describe
from pipeline.local.display import Listener
from schema.errors import InputError, sentence_for_people
from tests.support.training import config
from trainer.config.tuning import TuneConfig
from trainer.training.preemption import PreemptedError
from trainer.tuning.trials import Outcome
from trainer.tuning.tuner import FIRST_TRIALS, Search

RATE, SIZE, KIND = "training.learning_rate", "training.batch_size", "training.precision"
SPACE = {
    RATE: {"min": 1e-4, "max": 1.0, "log": True},
    SIZE: {"min": 2, "max": 12},
    KIND: {"values": ["bfloat16", "float32"]},
}


def score(values) -> float:
    """Best, 1, at a rate of 0.01, a batch of 8 and float32."""
    miss = abs(math.log10(values[RATE]) + 2) / 2 + abs(values[SIZE] - 8) / 10
    return 1 - miss - 0.5 * (values[KIND] != "float32")


def search(tmp_path, outcome=lambda values: Outcome(score(values)), **tune: Any) -> Search:
    given = TuneConfig.model_validate({"space": SPACE, **tune}, strict=False)
    made = Search(given, config(), outcome, str(tmp_path))
    made.search(verbose=0)
    return made


def tried(made: Search) -> list[dict[str, Any]]:
    return [made.oracle.trials[key].hyperparameters.values for key in made.oracle.start_order]


def test_values_come_from_their_ranges(tmp_path):
    rows = tried(search(tmp_path, trials=60))
    assert len(rows) == 60
    assert {row[KIND] for row in rows} == {'"bfloat16"', '"float32"'}  # JSON texts
    assert {row[SIZE] for row in rows} == set(range(2, 13))  # whole, and both ends
    rates = sorted(row[RATE] for row in rows)
    assert 1e-4 <= rates[0] < rates[-1] <= 1
    # By logarithm half of them are below 0.01; evenly drawn only 1 % would be. 30 +- 4.
    assert 18 <= sum(rate < 0.01 for rate in rates) <= 42


@pytest.mark.filterwarnings("ignore::UserWarning")  # of scikit-learn, when its fit is no better
def test_a_guided_search_finds_the_best_and_a_drawn_one_comes_near(tmp_path):
    drawn = search(tmp_path / "a", trials=18).get_best_hyperparameters()[0].values
    made = search(tmp_path / "b", trials=18, algorithm="bayesian")
    guided = made.get_best_hyperparameters()[0].values
    for found, least in ((drawn, 0.6), (guided, 0.85)):
        assert found[KIND] == '"float32"'
        assert score({**found, KIND: "float32"}) > least
    # The first 9 are drawn, three for each key; those after are closer to the best on average.
    points = [score({**row, KIND: row[KIND].strip('"')}) for row in tried(made)]
    assert sum(points[9:]) / 9 > sum(points[:9]) / 9


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("algorithm", ["random", "bayesian"])
def test_the_seed_decides_what_is_tried(tmp_path, algorithm):
    payload = {"trials": 5, "algorithm": algorithm}
    first = tried(search(tmp_path / "a", **payload))
    assert tried(search(tmp_path / "b", **payload)) == first
    assert tried(search(tmp_path / "c", **payload, seed=1)) != first


def test_a_space_that_is_exhausted_ends_the_search(tmp_path):
    made = search(tmp_path, space={SIZE: {"values": [2, 4]}}, trials=9, outcome=by_size)
    assert sorted(row[SIZE] for row in tried(made)) == [2, 4]
    assert made.get_best_hyperparameters()[0].values == {SIZE: 4}


def by_size(values) -> Outcome:
    return Outcome(float(values[SIZE]))


def test_failed_trials_are_told_and_do_not_end_the_search(tmp_path, caplog, capfd):
    def outcome(values) -> Outcome:
        if values[SIZE] > 4:
            return Outcome(None, "the loss is nan at step 3")
        return by_size(values)

    heard: list[dict[str, Any]] = []
    with Listener(heard.append), caplog.at_level(logging.INFO):
        space = {SIZE: {"min": 2, "max": 12}}
        made = search(tmp_path, space=space, trials=12, outcome=outcome, seed=5)
    sizes = [row[SIZE] for row in tried(made)]
    failed = [size for size in sizes if size > 4]
    assert len(failed) > 4  # KerasTuner's own limit is 3 in a row
    assert [size for size in sizes if size <= 4]
    assert made.get_best_hyperparameters()[0].values == {SIZE: max(s for s in sizes if s <= 4)}
    listed = [r.getMessage() for r in caplog.records if "failed" in r.getMessage()]
    assert listed == [
        f"trial {n} of 12 with {SIZE} {size} failed: the loss is nan at step 3"
        for n, size in enumerate(sizes, 1)
        if size > 4
    ]
    assert capfd.readouterr().out.strip() == ""


def test_progress_tells_the_trial_and_the_best_so_far(tmp_path):
    heard: list[dict[str, Any]] = []
    with Listener(heard.append):
        made = search(tmp_path, space={SIZE: {"min": 2, "max": 12}}, trials=4, outcome=by_size)
    sizes = [row[SIZE] for row in tried(made)]
    assert [event["node"] for event in heard] == ["Tuner"] * 5
    assert describe(heard[0]) == "trial 1 of 4"
    assert describe(heard[1]) == f"trial 2 of 4, best {sizes[0]} ({SIZE} {sizes[0]})"
    assert describe(heard[-1]) == f"trial 4 of 4, best {max(sizes)} ({SIZE} {max(sizes)})"


@pytest.mark.parametrize(("trials", "ended"), [(3, 3), (50, FIRST_TRIALS)])
def test_all_failed_is_one_sentence_and_comes_early(tmp_path, trials, ended):
    seen = []

    def outcome(values) -> Outcome:
        seen.append(values)
        return Outcome(None, "the loss is nan at step 3")

    with pytest.raises(InputError) as error:
        search(tmp_path, space={SIZE: {"min": 2, "max": 60}}, trials=trials, outcome=outcome)
    assert len(seen) == ended
    assert str(error.value) == (
        f"tune: all of {ended} trials failed, the last one with {SIZE} {seen[-1][SIZE]}: "
        "the loss is nan at step 3"
    )


@pytest.mark.parametrize("error", [PreemptedError("stopped at step 3"), KeyError("a bug")])
def test_a_bug_or_a_request_to_stop_is_no_failed_trial(tmp_path, error):
    def outcome(values) -> Outcome:
        raise error

    with pytest.raises(FatalError) as caught:
        search(tmp_path, outcome=outcome)
    assert caught.value.__cause__ is error
    known = sentence_for_people(caught.value)
    assert known == (str(error) if isinstance(error, PreemptedError) else None)
