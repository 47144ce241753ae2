"""Looks at the networks while they train: curves for TensorBoard, recall on a sample, trouble."""

import time

import tensorflow as tf

from schema.errors import InputError
from trainer.models.joint_loss import MAX_LOGIT_SCALE
from trainer.training.monitoring.health import Look, Trouble, spread
from trainer.training.monitoring.progress import Watch
from trainer.training.monitoring.retrieval_sample import Sample, recall
from trainer.training.serving_weights import ServingCopy

TIMES = 25  # looks in a run, at most
FREQUENT = 100  # steps: an epoch as short as this is not looked into
RECALLS = (1, 10)


class Looks:
    """Told of every step; a look every epoch, more rarely if they are many, and within long ones.

    Args:
        copy: of the networks, as they would be served.
        watch: of the same run.
        steps: of the whole run.
        steps_per_epoch: of it.
        sample: to embed; None: curves without recalls.
        folder: of TensorBoard's curves; None: none are written.
    """

    def __init__(
        self,
        copy: ServingCopy,
        watch: Watch,
        steps: int,
        steps_per_epoch: int,
        sample: Sample | None,
        folder: str | None,
    ):
        self._copy, self._watch, self._steps = copy, watch, steps
        epochs = -(-steps // steps_per_epoch)
        self._every = min(steps_per_epoch * -(-epochs // TIMES), max(FREQUENT, -(-steps // TIMES)))
        self._sample, self._trouble = sample, Trouble()
        self._writer = None if folder is None else tf.summary.create_file_writer(folder)
        self._since, self._waited = time.monotonic(), 0.0

    def step(self, done: int, loss: tf.Tensor, waited: float) -> None:
        """Note a step.

        Args:
            done: how many steps were done.
            loss: of the last one.
            waited: seconds it waited for its batch.

        Raises:
            InputError: training goes wrong.
        """
        self._watch.step(done, loss)
        self._waited += waited
        if done % self._every == 0 or done == self._steps:
            now = time.monotonic()
            share = self._waited / max(now - self._since, 1e-9)
            self._look(done, share)
            self._since, self._waited = time.monotonic(), 0.0

    def _look(self, done: int, waited: float) -> None:
        learning = self._copy.learning
        self._watch.catch_up(done)
        values = {
            "loss": self._watch.loss,
            "learning_rate": learning.optimizer.last_rate,
            "pairs_per_second": self._watch.pairs_per_second,
            "waiting_for_input": waited,
        }
        scale = 0.0
        if learning.joint_loss.log_scale is not None:
            values["logit_scale"] = float(tf.exp(learning.joint_loss.log_scale.value))
            scale = values["logit_scale"] / MAX_LOGIT_SCALE
        wrong = None
        if self._sample is not None:
            self._copy.update()
            images, texts = self._copy.embed(self._sample)
            to_image, to_text = self._sample.ranks(images, texts)
            for k in RECALLS:
                values[f"text_to_image_recall_at_{k}"] = recall(to_image, k)
                values[f"image_to_text_recall_at_{k}"] = recall(to_text, k)
            values["image_spread"], values["text_spread"] = spread(images), spread(texts)
            wrong = self._trouble.judge(
                Look(
                    done=done / self._steps,
                    image_spread=values["image_spread"],
                    text_spread=values["text_spread"],
                    recall_at_10=values["text_to_image_recall_at_10"],
                    chance=self._sample.chance(10),
                    candidates=len(images),
                    queries=len(to_image),
                    scale=scale,
                    images_alike=self._sample.images_alike,
                    texts_alike=self._sample.texts_alike,
                )
            )
        if self._writer is not None:
            with self._writer.as_default(done):
                for name, value in values.items():
                    tf.summary.scalar(name, value)
            self._writer.flush()
        if wrong is not None:
            raise InputError(f"training stopped at step {done} of {self._steps}: {wrong}")
