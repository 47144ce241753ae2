"""The trials of a search: each trains with some values, is judged, and is done only once.

KerasTuner's own files are no place to go on from: they are written in place, so a kill can cut them
off, and lack the random state of its Bayesian search. Instead each attempt searches from the start,
which with the same seed asks for the same trials, and what is known of one is not trained again.
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
from trainer.models.dual_encoder import DualEncoder
from trainer.training import input_pipeline, train
from trainer.training.distribution.tf_config import Cluster
from trainer.training.holdout import kept_apart
from trainer.training.monitoring import retrieval_sample
from trainer.training.preemption import StopError

LOGGER = logging.getLogger(__name__)
KNOWN = "outcome.json"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a trial went: its score, the higher the better, or the reason why it has none."""

    score: float | None
    reason: str | None = None


class Trials:
    """Trains and judges on one machine.

    Args:
        config: the trainer's.
        tune: what is searched for, and how a trial is judged.
        spec: parsing spec of the transformed records.
        files: of the train split.
        strategy: from `devices.strategy`.
        folder: what is known of each trial, its checkpoints and its curves for TensorBoard. It must
            not depend on the attempt, so that the next one finds it.

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
        found = retrieval_sample.read(files, spec, config, kept_apart(tune.held_out))
        if found is None:
            raise InputError(
                f"tune.held_out = {tune.held_out} holds out none of the "
                f"{input_pipeline.count_records(files)} records of the train split"
            )
        self._sample = found

    def outcome(self, values: Values) -> Outcome:
        """Train with some values, or remember how that went.

        Raises:
            StopError: SIGTERM came; the next attempt goes on from a checkpoint.
            UnavailableError: a disk or a store failed.
        """
        try:
            config = with_values(self._config, values)
        except InputError as error:
            return Outcome(None, str(error))
        place = posixpath.join(self._folder, self._mark(config))
        known = _read(posixpath.join(place, KNOWN))
        if known is not None:
            return known
        try:
            outcome = Outcome(self._trained(config, place))
        except (StopError, UnavailableError):
            raise  # neither says anything about the values
        except InputError as error:
            outcome = Outcome(None, str(error))
        except tf.errors.ResourceExhaustedError as error:  # the next attempt may have more memory
            if file_errors.is_about_space(error):
                raise UnavailableError(str(file_errors.sentence(error))) from error
            return Outcome(None, f"out of memory: {error.message.splitlines()[0]}")
        _write(posixpath.join(place, KNOWN), outcome)
        left = posixpath.join(place, "checkpoints")  # of a trial that failed; nobody goes on there
        if tf.io.gfile.exists(left):
            tf.io.gfile.rmtree(left)
        return outcome

    def _trained(self, config: TrainerConfig, place: str) -> float:
        keras.utils.set_random_seed(config.training.seed)
        model = train.train(
            config,
            self._spec,
            self._files,
            self._files,
            Cluster(),
            self._strategy,
            posixpath.join(place, "curves"),
            posixpath.join(place, "checkpoints"),
            self._tune.held_out,
        ).model
        score = self._score(model)
        del model
        gc.collect()  # Keras's models are cycles; two at once may not fit into a GPU
        return score

    def _score(self, model: DualEncoder) -> float:
        embed = tf.function(model.embed_images), tf.function(model.embed_texts)
        to_image, to_text = self._sample.ranks(*self._sample.embed(*embed))
        return score(self._tune.objective, to_image, to_text)

    def _mark(self, config: TrainerConfig) -> str:
        """Name a trial after all that decides how it goes."""
        judged = f"{self._tune.held_out} {self._tune.objective}"
        return train.fingerprint(config, self._files, judged)


def score(objective: str, to_image: np.ndarray, to_text: np.ndarray) -> float:
    """An objective of a search.

    Args:
        objective: as the config names it.
        to_image: the rank of each caption's image, from 1.
        to_text: the rank of each image's best caption.
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
        LOGGER.warning("%s is damaged, the trial is done again", path)
        return None


def _write(path: str, outcome: Outcome) -> None:
    tf.io.gfile.makedirs(posixpath.dirname(path))
    with tf.io.gfile.GFile(path + ".part", "w") as file:
        file.write(json.dumps(dataclasses.asdict(outcome)))
    tf.io.gfile.rename(path + ".part", path, overwrite=True)
