"""The TFMA extractor that ranks before anything is sliced.

TFX's Evaluator finds `custom_extractors` by this module's name. Ranking inside a metric would rank
within each slice; ranking here ranks against every candidate, and a slice stays a slice of the
queries.
"""

from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_text  # noqa: F401  registers the ops of the served model, in workers too
from tensorflow_model_analysis.api import model_eval_lib
from tensorflow_model_analysis.api import types as tfma_types
from tensorflow_model_analysis.extractors import extractor

from components.evaluation.metrics import IMAGE_TO_TEXT_RANKS, TEXT_TO_IMAGE_RANKS
from components.evaluation.ranking import Candidates, Embedded
from components.progress import count_records
from schema import features

FEATURES, PREDICTIONS = "features", "predictions"
NONE = np.zeros(0, int)
ABSENT = "(none)"  # slice of the records that lack an attribute


def custom_extractors(
    eval_shared_model: Any, eval_config: Any, tensor_adapter_config: Any
) -> list[extractor.Extractor]:
    """TFMA's default extractors with the ranking behind the predictions."""
    extractors = model_eval_lib.default_extractors(
        eval_shared_model=eval_shared_model,
        eval_config=eval_config,
        tensor_adapter_config=tensor_adapter_config,
    )
    names = [each.stage_name for each in extractors]
    behind = names.index("ExtractPredictions") + 1
    return [
        *extractors[:behind],
        extractor.Extractor(stage_name="ExtractRanks", ptransform=_extract_ranks()),
        *extractors[behind:],
    ]


@beam.ptransform_fn
def _extract_ranks(batches: beam.PCollection) -> Any:
    embedded = batches | "Embedded" >> beam.Map(lambda extracts: (extracts, embedded_of(extracts)))
    _ = (
        embedded
        | "Keys" >> beam.FlatMapTuple(lambda _, embedded: embedded.keys)
        | "Count" >> count_records("Evaluator")
    )
    everything = (
        embedded
        | "Embeddings" >> beam.Values()
        | "Together" >> beam.combiners.ToList()
        | "Candidates" >> beam.Map(lambda parts: Candidates(Embedded.concatenate(parts)))
    )
    return embedded | "Rank" >> beam.Map(with_ranks, candidates=beam.pvalue.AsSingleton(everything))


def embedded_of(extracts: tfma_types.Extracts) -> Embedded:
    """The embeddings of a batch, one row a caption."""
    raw, predicted = extracts[FEATURES], extracts[PREDICTIONS]
    keys = [row[0] for row in rows(raw[features.IMAGE_KEY])]
    captions = list(rows(raw[features.CAPTIONS]))
    labels = list(rows(raw[features.LABELS])) if features.LABELS in raw else [NONE] * len(keys)
    owner, texts, is_match = [], [], []
    for record, (said, given) in enumerate(zip(captions, labels, strict=True)):
        owner += [record] * len(said)
        texts += list(range(len(said)))
        is_match += [bool(label) for label in given] if len(given) else [True] * len(said)
    return Embedded(
        [key.decode() for key in keys],
        np.asarray(predicted[features.IMAGE_EMBEDDING], np.float32),
        np.asarray(predicted[features.TEXT_EMBEDDINGS], np.float32)[owner, texts],
        [caption.decode() for said in captions for caption in said],
        np.asarray(owner, int),
        np.asarray(is_match, bool),
    )


def with_ranks(
    batch: tuple[tfma_types.Extracts, Embedded], candidates: Candidates
) -> tfma_types.Extracts:
    """A batch with its ranks and attributes among the features; pixels and embeddings dropped."""
    extracts, embedded = batch
    image_ranks, text_ranks = candidates.ranks(embedded)
    width = max((len(ranks) for ranks in text_ranks), default=0)
    table = np.full((len(text_ranks), max(width, 1)), np.nan)
    for row, ranks in enumerate(text_ranks):
        table[row, : len(ranks)] = ranks
    kept: dict[str, np.ndarray] = {
        IMAGE_TO_TEXT_RANKS: image_ranks[:, None],
        TEXT_TO_IMAGE_RANKS: table,
    }
    for name, values in extracts[FEATURES].items():
        if features.is_attribute(name):
            texts = [row[0].decode() if len(row) else ABSENT for row in rows(values)]
            kept[name] = np.array(texts, dtype=object)[:, None]
    others = {k: v for k, v in extracts.items() if k not in (FEATURES, PREDICTIONS)}
    return {**others, FEATURES: kept}


def rows(values: Any) -> Iterable[np.ndarray]:
    """The values of each record, whether TFMA hands them over dense or sparse."""
    if hasattr(values, "dense_shape"):  # of TFMA's three sparse types and TensorFlow's one
        counts = np.bincount(values.indices[:, 0], minlength=values.dense_shape[0])
        return np.split(values.values, np.cumsum(counts)[:-1])
    return list(values)
