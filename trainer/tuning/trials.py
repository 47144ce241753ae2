"""The trials of a search: train with some values, score the result, remember it.

A search cannot resume from KerasTuner's own files: they are written in place, so that a kill can
truncate them, and lack the random state of its Bayesian search. Instead each attempt searches from
the start, which with the same seed asks for the same trials, and known outcomes are not trained
again.
"""

import dataclasses
import gc
import json
import logging
import posixpath
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from schema.errors import InputError, UnavailableError
from schema.system import file_errors
from trainer.config.overrides import Values, with_values
from trainer.config.trainer import TrainerConfig
from trainer.config.tuning import TuneConfig
from trainer.export.digests import run_fingerprint
from trainer.models.dual_encoder import DualEncoder
from trainer.training import train
from trainer.training.data import input_pipeline, retrieval_sample
from trainer.training.distribution.tf_config import Cluster
from trainer.training.preemption import PreemptedError

LOGGER = logging.getLogger(__name__)
OUTCOME_FILE = "outcome.json"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The result of a trial: its score, higher is better, or the reason why it has none."""

    score: float | None
    reason: str | None = None


class Trials:
    """Trains and scores trials on one machine.

    Args:
        config: the trainer's.
        tune: the search: its space, and how a trial is scored.
        spec: parsing spec of the transformed records.
        files: of the train split.
        strategy: as `create_strategy` makes it.
        folder: for each trial's outcome, checkpoints and TensorBoard curves. It must be the same at
            each attempt, so that the next one finds it.

    Raises:
        InputError: no record is held out.
    """

    def __init__(
        self,
        config: TrainerConfig,
        tune: TuneConfig,
        spec: input_pipeline.Spec,
        files: Sequence[str],
        strategy: tf.distribute.Strategy,
        folder: str,
    ):
        self._config, self._tune = tune.for_trial(config), tune
        self._spec, self._files, self._strategy, self._folder = spec, files, strategy, folder
        keep = input_pipeline.held_out_keys(tune.held_out)
        sample = retrieval_sample.read_sample(files, spec, config, keep)
        if sample is None:
            raise InputError(
                f"tune.held_out = {tune.held_out} holds out none of the "
                f"{input_pipeline.count_records(files)} records of the train split"
            )
        self._sample = sample

    def outcome(self, values: Values) -> Outcome:
        """Train with some values, or read the outcome of an earlier attempt.

        Args:
            values: by key of the config, in place of its own.

        Raises:
            PreemptedError: SIGTERM came; the next attempt resumes from a checkpoint.
            UnavailableError: a disk or a store failed.
        """
        try:
            config = with_values(self._config, values)
        except InputError as error:
            return Outcome(None, str(error))
        judged_by = f"{self._tune.held_out} {self._tune.objective}"
        mark = run_fingerprint(config, self._files, judged_by, module="trainer.tuning.run")
        folder = posixpath.join(self._folder, mark)
        known = _read(posixpath.join(folder, OUTCOME_FILE))
        if known is not None:
            return known
        try:
            outcome = Outcome(self._train(config, folder))
        except (PreemptedError, UnavailableError):
            raise  # neither depends on the values
        except InputError as error:
            outcome = Outcome(None, str(error))
        except tf.errors.ResourceExhaustedError as error:  # the next attempt may have more memory
            if file_errors.is_about_space(error):
                raise UnavailableError(str(file_errors.sentence(error))) from error
            return Outcome(None, f"out of memory: {error.message.splitlines()[0]}")
        _write(posixpath.join(folder, OUTCOME_FILE), outcome)
        checkpoints = posixpath.join(folder, "checkpoints")
        if tf.io.gfile.exists(checkpoints):
            tf.io.gfile.rmtree(checkpoints)
        return outcome

    def _train(self, config: TrainerConfig, folder: str) -> float:
        keras.utils.set_random_seed(config.training.seed)
        model = train.train_towers(
            config,
            self._spec,
            self._files,
            self._files,
            Cluster(),
            self._strategy,
            posixpath.join(folder, "curves"),
            posixpath.join(folder, "checkpoints"),
            self._tune.held_out,
        ).model
        score = self._score(model)
        del model
        gc.collect()  # Keras models are reference cycles; a GPU may not hold two at once
        return score

    def _score(self, model: DualEncoder) -> float:
        embed = tf.function(model.embed_images), tf.function(model.embed_texts)
        to_image, to_text = self._sample.ranks(*self._sample.embed(*embed))
        return score(self._tune.objective, to_image, to_text)


def score(objective: str, to_image: np.ndarray, to_text: np.ndarray) -> float:
    """Compute the objective of a search from ranks, of which the first is 1.

    Args:
        objective: as the config names it.
        to_image: rank of the best matching image of each caption.
        to_text: rank of the best matching caption of each image.
    """
    ranks = to_image if objective.startswith("text_to_image") else to_text
    if objective.endswith("mrr"):
        return float((1 / ranks).mean())
    return retrieval_sample.recall(ranks, int(objective.rsplit("_", 1)[1]))


def _read(path: str) -> Outcome | None:
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path) as file:
        text = file.read()
    try:
        return Outcome(**json.loads(text))
    except (ValueError, TypeError):
        LOGGER.warning("%s is damaged; running the trial again", path)
        return None


def _write(path: str, outcome: Outcome) -> None:
    tf.io.gfile.makedirs(posixpath.dirname(path))
    with tf.io.gfile.GFile(path + ".part", "w") as file:
        file.write(json.dumps(dataclasses.asdict(outcome)))
    tf.io.gfile.rename(path + ".part", path, overwrite=True)
