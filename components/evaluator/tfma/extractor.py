"""The TFMA extractor that ranks before anything is sliced.

TFX's Evaluator finds `custom_extractors` by this module's name. Ranking inside a metric would rank
within each slice; ranking here ranks against every candidate, and a slice stays a slice of the
queries.
"""

from collections.abc import Sequence
from typing import Any

import apache_beam as beam
from tensorflow_model_analysis.api import model_eval_lib
from tensorflow_model_analysis.extractors import extractor

from components.beam_progress import count_records
from components.evaluator.config import ZeroShotConfig
from components.evaluator.metrics.zero_shot import Classes, embed_classes
from components.evaluator.ranking.rank_records import RankRecords
from components.evaluator.ranking.stored import FOLDER, Stored
from components.evaluator.slices import slice_name
from components.evaluator.tfma.eval_config import zero_shot_of
from components.evaluator.tfma.predictions import Embed, TextEmbedder
from components.evaluator.tfma.scored_batch import Batch


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
    embedders: dict[str, Embed]
    if isinstance(eval_shared_model, list):
        embedders = {m.model_name: TextEmbedder(m.model_path) for m in eval_shared_model}
    else:
        embedders = {"": TextEmbedder(eval_shared_model.model_path)}
    slices = [slice_name(key) for spec in eval_config.slicing_specs for key in spec.feature_keys]
    extract = ExtractScores(embedders, slices, *zero_shot_of(eval_config), FOLDER.get())
    return [
        *extractors[:behind],
        extractor.Extractor(stage_name="ExtractScores", ptransform=extract),
        *extractors[behind:],
    ]


class ExtractScores(beam.PTransform):
    """Extracts with predictions to extracts with scores; pixels and embeddings are dropped.

    Args:
        embedders: the text tower of each model, by TFMA's name of it, '' of the only one.
        slices: names of the slices.
        zero_shot: the section of the config.
        classes: to choose from in zero-shot classification.
        folder: for the embeddings, where every worker reaches it.
    """

    def __init__(
        self,
        embedders: dict[str, Embed],
        slices: Sequence[str],
        zero_shot: ZeroShotConfig | None,
        classes: Sequence[str],
        folder: str,
    ):
        super().__init__()
        self._embedders, self._slices, self._zero_shot = embedders, list(slices), zero_shot
        self._classes, self._folder = tuple(classes), folder

    def expand(self, extracts: beam.PCollection) -> Any:
        attribute = self._zero_shot.attribute if self._zero_shot else None
        templates = self._zero_shot.templates if self._zero_shot else ()
        batches = extracts | "Embedded" >> beam.Map(
            Batch.of, self._embedders, self._slices, attribute, self._folder
        )
        _ = (
            batches
            | "Keys" >> beam.FlatMap(lambda batch: batch.embedded[0].records.keys)
            | "Count" >> count_records("Evaluator")
        )
        classes = (
            batches.pipeline
            | "ClassNames" >> beam.Create([self._classes])
            | "EmbedClasses" >> beam.Map(_embed_classes, templates, self._embedders)
        )
        ranks = [
            batches
            | f"Take{number}" >> beam.Map(_embedded, number)
            | f"Rank{number}" >> RankRecords()
            for number, _ in enumerate(self._embedders)
        ]
        sides = [beam.pvalue.AsSingleton(each) for each in (classes, *ranks)]
        return batches | "Scores" >> beam.Map(Batch.with_scores, *sides)


def _embedded(batch: Batch, number: int) -> Stored:
    return batch.embedded[number]


def _embed_classes(
    names: Sequence[str], templates: Sequence[str], embedders: dict[str, Embed]
) -> list[Classes]:
    return [embed_classes(names, templates, embed) for embed in embedders.values()]
