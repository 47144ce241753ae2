"""The data of a run as its networks read them: batches to learn from and samples to measure."""

from collections.abc import Sequence

import tensorflow as tf

from trainer.config.trainer import TrainerConfig
from trainer.models.dual_encoder import DualEncoder
from trainer.training.data import input_pipeline, retrieval_sample
from trainer.training.data.cached_features import CachedFeatures
from trainer.training.data.featurizer import Featurizer
from trainer.training.data.input_pipeline import Keep, Spec
from trainer.training.data.retrieval_sample import RECORDS, Sample
from trainer.training.distribution.tf_config import Cluster


class RunData:
    """The records of a run.

    Args:
        config: the trainer's.
        spec: parsing spec of the transformed records.
        files: of the train split.
        cluster: the workers, and which one this is.
        holdout: share of the keys of the train split that is not trained on.

    Attributes:
        files: those of the train split.
        records: how many are trained on, of all workers together.
        cached: features of frozen towers, once they are computed; None: no tower is frozen.
    """

    def __init__(
        self,
        config: TrainerConfig,
        spec: Spec,
        files: Sequence[str],
        cluster: Cluster,
        holdout: float,
    ):
        self._config, self._spec, self._cluster = config, spec, cluster
        self._keep = input_pipeline.training_keys(holdout) if holdout else None
        self._featurizer: Featurizer | None = None
        self.files = files
        self.records = input_pipeline.count_records(files, self._keep)
        self.cached: CachedFeatures | None = None

    @property
    def _mine(self) -> int:
        """The records of this worker."""
        return len(range(self._cluster.index, self.records, self._cluster.workers))

    def compute_features(self, model: DualEncoder, folder: str | None) -> None:
        """Compute the features of frozen towers, if there are any.

        Args:
            model: with the weights to start with.
            folder: for features that are too many for the memory; None: the system's for such
                files.
        """
        featurizer = Featurizer(model, folder)
        if featurizer.is_needed:
            self._featurizer = featurizer
            self.cached = featurizer.of_records(
                self.files, self._spec, self._mine, self._cluster, self._keep
            )

    def batches(self, first_step: int, replicas: int) -> tf.data.Dataset:
        """Make the endless batches of one replica of this worker, from a step on.

        Args:
            first_step: the number of the first batch, counted from 0.
            replicas: of all workers together, which share a batch.
        """
        batch_size = self._config.training.batch_size
        per_worker = batch_size // self._cluster.workers
        per_replica = batch_size // replicas
        dataset = input_pipeline.training_batches(
            self.files,
            self._spec,
            self._config,
            self._mine,
            per_worker,
            self._cluster,
            first_step,
            self._keep,
            self.cached,
        )
        return dataset if per_replica == per_worker else dataset.rebatch(per_replica)

    def trained_sample(self) -> Sample | None:
        """Read the first records that are trained on; None: there are none."""
        sample = retrieval_sample.read_sample(self.files, self._spec, self._config, self._keep)
        if sample is None or self._featurizer is None:
            return sample
        known = self.cached if self._cluster.workers == 1 else None
        return self._featurizer.of_sample(sample, known)

    def sample(
        self, files: Sequence[str], keep: Keep | None = None, most: int = RECORDS
    ) -> Sample | None:
        """Read the first records of some files; None: there are none.

        Args:
            files: transformed records.
            keep: which records to take; None: all.
            most: records to read.
        """
        sample = retrieval_sample.read_sample(files, self._spec, self._config, keep, most)
        if sample is None or self._featurizer is None:
            return sample
        return self._featurizer.of_sample(sample)
