"""The search: KerasTuner chooses the values, `Trials` trains with them."""

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
FIRST_TRIALS = 5  # if all of them fail, so will the others


class Search(BaseTuner):
    """A KerasTuner whose trials are functions of values, not Keras models.

    Args:
        tune: the search.
        config: the trainer's.
        outcome: runs a trial with some values.
        scratch: a folder for KerasTuner's files, which are not read again; see
            `trainer.tuning.trials`.
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
        self._last_failure = ""  # values and reason
        super().__init__(create_oracle(tune, config), directory=scratch, overwrite=True)

    def run_trial(self, trial: Any, *_: Any, **__: Any) -> dict[str, float]:
        """Run a trial and return its score.

        Raises:
            FailedTrialError: it has no score; the search continues.
            FatalError: any other error, which ends the search.
        """
        values = decoded(trial.hyperparameters.values)
        number = int(trial.trial_id) + 1
        with part_of(NODE, trial=number, trials=self._tune.trials, **self._so_far()):
            report(NODE)
            try:
                outcome = self._outcome(values)
            # KerasTuner would take any other error for a failed trial: a bug, or a request to stop.
            except Exception as error:
                raise FatalError(str(error)) from error
        trial_name = f"trial {number} of {self._tune.trials} with {in_words(values)}"
        if outcome.score is None:
            self._last_failure = f"{in_words(values)}: {outcome.reason}"
            LOGGER.warning("%s failed: %s", trial_name, outcome.reason)
            raise FailedTrialError(outcome.reason)
        LOGGER.info("%s: %s %.4g", trial_name, self._tune.objective, outcome.score)
        if self._best is None or outcome.score > self._best[0]:
            self._best = outcome.score, values
        return {self._tune.objective: outcome.score}

    def on_trial_end(self, trial: Any) -> None:
        """Raise an `InputError` if the first trials have all failed."""
        super().on_trial_end(trial)
        if self._best is None and len(self.oracle.end_order) == FIRST_TRIALS:
            raise self._all_failed()

    def on_search_end(self) -> None:
        """Raise an `InputError` if all trials have failed."""
        if self._best is None:
            raise self._all_failed()
        done = len(self.oracle.end_order)
        report(NODE, trial=done, trials=done, **self._so_far())
        LOGGER.info("%d trials: %s %s", done, self._tune.objective, self._so_far()["best"])

    def _so_far(self) -> dict[str, str]:
        if self._best is None:
            return {}
        score, values = self._best
        return {"best": f"{score:.3g} ({in_words(values)})"}

    def _all_failed(self) -> InputError:
        failed = number_of(len(self.oracle.end_order), "trial")
        return InputError(f"tune: all of {failed} failed, the last one with {self._last_failure}")


class GuidedOracle(BayesianOptimizationOracle):
    """KerasTuner's with one thread: on its tiny matrices several take up to ten times as long."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Choose the values of the next trial."""
        with threadpool_limits(1):
            return super().populate_space(trial_id)


def create_oracle(tune: TuneConfig, config: TrainerConfig) -> keras_tuner.Oracle:
    """Create KerasTuner's object that chooses the values to try next.

    A failed trial is not repeated, since it would fail again, and any number may fail in a row.
    """
    options = {
        "objective": keras_tuner.Objective(tune.objective, "max"),
        "max_trials": tune.trials,
        "hyperparameters": search_space(tune, config),
        "allow_new_entries": False,
        "seed": tune.seed + 1,  # KerasTuner takes 0 for no seed
        "max_retries_per_trial": 0,
        "max_consecutive_failed_trials": tune.trials + 1,
    }
    if tune.algorithm == "random":
        return RandomSearchOracle(**options)
    # KerasTuner's default is three for each key, which may be all trials.
    drawn = max(2, min(3 * len(tune.space), tune.trials // 2))
    return GuidedOracle(num_initial_points=drawn, **options)


def search_space(tune: TuneConfig, config: TrainerConfig) -> keras_tuner.HyperParameters:
    """Convert the space of a search for KerasTuner; the names are dotted keys of the config."""
    parameters = keras_tuner.HyperParameters()
    now = config.model_dump(mode="json")
    for path, choices in tune.space.items():
        if choices.values is not None:
            parameters.Choice(path, encoded(choices.values))
            continue
        kind = int if choices.whole(value_at(now, path)) else float
        assert choices.min is not None
        assert choices.max is not None
        make = parameters.Int if kind is int else parameters.Float
        make(
            path,
            kind(choices.min),
            kind(choices.max),
            step=None if choices.step is None else kind(choices.step),
            sampling="log" if choices.log else "linear",
        )
    return parameters
