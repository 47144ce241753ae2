"""The search itself: KerasTuner decides what to try next, our training tries it."""

import logging
from collections.abc import Callable
from typing import Any

import keras_tuner
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.errors import FailedTrialError, FatalError
from keras_tuner.oracles import BayesianOptimizationOracle, RandomSearchOracle
from threadpoolctl import threadpool_limits

from schema.errors import InputError
from schema.progress import part_of, report
from schema.text.messages import number_of
from trainer.config.overrides import Values, decoded, encoded, in_words, value_at
from trainer.config.trainer import TrainerConfig
from trainer.config.tuning import TuneConfig
from trainer.tuning.trials import Outcome

LOGGER = logging.getLogger(__name__)
NODE = "Tuner"
FIRST = 5  # trials; if all of them fail, so will the others


class Search(BaseTuner):
    """A KerasTuner that knows nothing of Keras models.

    Args:
        tune: what is searched for.
        config: the trainer's.
        outcome: of a trial with some values.
        scratch: a folder for KerasTuner's files, which nobody reads again; see `tune_trials`.
    """

    def __init__(
        self,
        tune: TuneConfig,
        config: TrainerConfig,
        outcome: Callable[[Values], Outcome],
        scratch: str,
    ):
        self._tune, self._outcome = tune, outcome
        self._best: tuple[float, Values] | None = None
        self._failed = ""  # the last trial that did, and why
        super().__init__(oracle(tune, config), directory=scratch, overwrite=True)

    def run_trial(self, trial: Any, *_: Any, **__: Any) -> dict[str, float]:
        """Train and judge with the values of a trial.

        Raises:
            FailedTrialError: it has no score; the search goes on.
            FatalError: of any other cause, which ends the search.
        """
        values = decoded(trial.hyperparameters.values)
        number = int(trial.trial_id) + 1
        with part_of(NODE, trial=number, trials=self._tune.trials, **self._so_far()):
            report(NODE)
            try:
                outcome = self._outcome(values)
            # KerasTuner takes whatever is raised for a failed trial: a bug, or a request to stop.
            except Exception as error:
                raise FatalError(str(error)) from error
        told = f"trial {number} of {self._tune.trials} with {in_words(values)}"
        if outcome.score is None:
            self._failed = f"{in_words(values)}: {outcome.reason}"
            LOGGER.warning("%s failed: %s", told, outcome.reason)
            raise FailedTrialError(outcome.reason)
        LOGGER.info("%s: %s %.4g", told, self._tune.objective, outcome.score)
        if self._best is None or outcome.score > self._best[0]:
            self._best = outcome.score, values
        return {self._tune.objective: outcome.score}

    def on_trial_end(self, trial: Any) -> None:
        """Raises: InputError: the first trials have all failed."""
        super().on_trial_end(trial)
        if self._best is None and len(self.oracle.end_order) == FIRST:
            self._refuse()

    def on_search_end(self) -> None:
        """Raises: InputError: all trials have failed."""
        if self._best is None:
            self._refuse()
        done = len(self.oracle.end_order)
        report(NODE, trial=done, trials=done, **self._so_far())
        LOGGER.info("%d trials: %s %s", done, self._tune.objective, self._so_far()["best"])

    def _so_far(self) -> dict[str, str]:
        if self._best is None:
            return {}
        score, values = self._best
        return {"best": f"{score:.3g} ({in_words(values)})"}

    def _refuse(self) -> None:
        failed = len(self.oracle.end_order)
        raise InputError(
            f"tune: {failed} of {number_of(failed, 'trial')} failed, the last one with "
            f"{self._failed}"
        )


class GuidedOracle(BayesianOptimizationOracle):
    """KerasTuner's with one thread: on its tiny matrices several take up to ten times as long."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Values for the next trial."""
        with threadpool_limits(1):
            return super().populate_space(trial_id)


def oracle(tune: TuneConfig, config: TrainerConfig) -> keras_tuner.Oracle:
    """What decides which values to try next.

    A trial that fails is not repeated, since it would fail again, and any number may fail in a row.
    """
    told = {
        "objective": keras_tuner.Objective(tune.objective, "max"),
        "max_trials": tune.trials,
        "hyperparameters": space(tune, config),
        "allow_new_entries": False,
        "seed": tune.seed + 1,  # KerasTuner takes 0 for none at all
        "max_retries_per_trial": 0,
        "max_consecutive_failed_trials": tune.trials + 1,
    }
    if tune.algorithm == "random":
        return RandomSearchOracle(**told)
    # By default three for each key, which may be all of them.
    drawn = max(2, min(3 * len(tune.space), tune.trials // 2))
    return GuidedOracle(num_initial_points=drawn, **told)


def space(tune: TuneConfig, config: TrainerConfig) -> keras_tuner.HyperParameters:
    """The space of a search as KerasTuner has it; the names are dotted keys of the config."""
    found = keras_tuner.HyperParameters()
    now = config.model_dump(mode="json")
    for path, choices in tune.space.items():
        if choices.values is not None:
            found.Choice(path, encoded(choices.values))
            continue
        kind = int if choices.whole(value_at(now, path)) else float
        assert choices.min is not None
        assert choices.max is not None
        make = found.Int if kind is int else found.Float
        make(
            path,
            kind(choices.min),
            kind(choices.max),
            step=None if choices.step is None else kind(choices.step),
            sampling="log" if choices.log else "linear",
        )
    return found
