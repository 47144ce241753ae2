"""Measure the networks while they train: TensorBoard curves, recall on a sample, health checks."""

import time

import tensorflow as tf

from schema.errors import InputError
from trainer.models.joint_loss import MAX_LOGIT_SCALE
from trainer.training.data.retrieval_sample import Sample, recall
from trainer.training.monitoring.health import HealthChecks, Measurement, spread
from trainer.training.monitoring.progress import ProgressReporter
from trainer.training.serving_weights import ServingCopy

MOST_MEASUREMENTS = 25  # in a run
LONG_EPOCH = 100  # steps; a longer epoch is measured more than once
RECALLS = (1, 10)


class Monitor:
    """Called after every step; measures once an epoch, but at most `MOST_MEASUREMENTS` times.

    Long epochs are measured more than once.

    Args:
        copy: of the networks, as they would be served.
        progress: of the same run.
        steps: of the whole run.
        steps_per_epoch: of it.
        sample: to embed; None: curves without recalls.
        folder: for TensorBoard; None: none are written.
    """

    def __init__(
        self,
        copy: ServingCopy,
        progress: ProgressReporter,
        steps: int,
        steps_per_epoch: int,
        sample: Sample | None,
        folder: str | None,
    ):
        self._copy, self._progress, self._steps = copy, progress, steps
        epochs_between = -(-steps // steps_per_epoch // MOST_MEASUREMENTS)
        self._interval = min(
            steps_per_epoch * epochs_between, max(LONG_EPOCH, -(-steps // MOST_MEASUREMENTS))
        )
        self._sample, self._health_checks = sample, HealthChecks()
        self._writer = None if folder is None else tf.summary.create_file_writer(folder)
        self._since, self._waited = time.monotonic(), 0.0

    def step(self, done: int, loss: tf.Tensor, waited: float) -> None:
        """Note a step, and measure if it is time.

        Args:
            done: steps done so far.
            loss: of the last step.
            waited: seconds it waited for its batch.

        Raises:
            InputError: a loss is not finite, or a health check failed.
        """
        self._progress.step(done, loss)
        self._waited += waited
        if done % self._interval == 0 or done == self._steps:
            now = time.monotonic()
            share = self._waited / max(now - self._since, 1e-9)
            self._measure(done, share)
            self._since, self._waited = time.monotonic(), 0.0

    def _measure(self, done: int, waited: float) -> None:
        learning = self._copy.learning
        self._progress.catch_up(done)
        values = {
            "loss": self._progress.loss,
            "learning_rate": learning.optimizer.last_rate,
            "pairs_per_second": self._progress.pairs_per_second,
            "waiting_for_input": waited,
        }
        if learning.joint_loss.log_scale is not None:
            values["logit_scale"] = float(tf.exp(learning.joint_loss.log_scale.value))
        problem = None
        if self._sample is not None:
            values |= self._measure_sample(self._sample)
            self._progress.measured(done, values["text_to_image_recall_at_10"])
            problem = self._health_checks.check(
                Measurement(
                    done=done / self._steps,
                    image_spread=values["image_spread"],
                    text_spread=values["text_spread"],
                    recall_at_10=values["text_to_image_recall_at_10"],
                    chance=self._sample.chance(10),
                    candidates=self._sample.count,
                    queries=self._sample.distinct_texts,
                    scale=values.get("logit_scale", 0.0) / MAX_LOGIT_SCALE,
                    images_alike=self._sample.images_alike,
                    texts_alike=self._sample.texts_alike,
                )
            )
        if self._writer is not None:
            with self._writer.as_default(done):
                for name, value in values.items():
                    tf.summary.scalar(name, value)
            self._writer.flush()
        if problem is not None:
            raise InputError(f"training stopped at step {done} of {self._steps}: {problem}")

    def _measure_sample(self, sample: Sample) -> dict[str, float]:
        self._copy.update()
        images, texts = sample.embed(self._copy.embed_images, self._copy.embed_texts)
        to_image, to_text = sample.ranks(images, texts)
        values = {"image_spread": spread(images), "text_spread": spread(texts)}
        for k in RECALLS:
            values[f"text_to_image_recall_at_{k}"] = recall(to_image, k)
            values[f"image_to_text_recall_at_{k}"] = recall(to_text, k)
        return values
