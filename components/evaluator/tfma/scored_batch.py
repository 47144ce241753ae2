"""A batch of records on its way through the ranking, and the scores it ends with."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from tensorflow_model_analysis.api import types as tfma_types

from components.evaluator.metrics.embedding_sample import Sample
from components.evaluator.metrics.scores import Candidates, Scores
from components.evaluator.metrics.zero_shot import Classes, class_ranks
from components.evaluator.ranking.embedded import Embedded
from components.evaluator.ranking.rank_records import SplitRanks
from components.evaluator.ranking.stored import Stored
from components.evaluator.ranking.targets import pair_scores
from components.evaluator.slices import slice_feature
from components.evaluator.tfma.metric import SCORES
from components.evaluator.tfma.predictions import Embed, Records

# TFMA's; `input` is each record as it was read, with the bytes of its image.
FEATURES, PREDICTIONS, INPUT = "features", "predictions", "input"


@dataclasses.dataclass(frozen=True)
class Batch:
    """A batch without its pixels and vectors.

    Attributes:
        extracts: what TFMA needs further on, the features to slice by among it.
        embedded: what each model makes of the records.
        classes: the class of each record for zero-shot classification, [n].
    """

    extracts: tfma_types.Extracts
    embedded: tuple[Stored, ...]
    classes: Sequence[str | None]

    @classmethod
    def of(
        cls,
        extracts: tfma_types.Extracts,
        embedders: dict[str, Embed],
        slices: Sequence[str],
        class_attribute: str | None,
        folder: str,
    ) -> "Batch":
        """The records of some extracts as each model embeds them.

        Args:
            extracts: a batch with the predictions of each model.
            embedders: the text tower of each model, by TFMA's name of it, '' of the only one.
            slices: names of the slices.
            class_attribute: for zero-shot classification.
            folder: for the embeddings, where every worker reaches it.
        """
        raw, predicted = extracts[FEATURES], extracts[PREDICTIONS]
        records = Records.of(raw)
        kept = {
            slice_feature(name): np.array(records.slice_values(name, raw), object)[:, None]
            for name in slices
        }
        others = {k: v for k, v in extracts.items() if k not in (FEATURES, PREDICTIONS, INPUT)}
        return cls(
            {**others, FEATURES: kept},
            tuple(
                Stored.write(
                    records.embedded(predicted[name] if name else predicted, embed), folder
                )
                for name, embed in embedders.items()
            ),
            records.attribute(class_attribute, raw)
            if class_attribute
            else [None] * len(records.keys),
        )

    def with_scores(self, classes: Sequence[Classes], *ranks: SplitRanks) -> tfma_types.Extracts:
        """The extracts with the scores of each record among the features.

        Args:
            classes: to choose from, as each model embeds them.
            ranks: of the whole split, by each model.
        """
        by_model = [stored.read() for stored in self.embedded]
        first = by_model[0]
        images, texts = [], []
        for embedded, of_split, each in zip(by_model, ranks, classes, strict=True):
            of_images, of_texts = of_split.of(embedded)
            class_rank = class_ranks(embedded.images, self.classes, each)
            images.append([of_images.best, of_images.average_precision, class_rank])
            own = own_similarities(embedded)
            asks = [
                np.where(embedded.is_match, each[embedded.text], np.nan)
                for each in (of_texts.best, of_texts.average_precision)
            ]
            texts.append([*asks, own])
        # [models, columns, n] to the [n, models, columns] of `Scores`.
        by_image = np.moveaxis(np.array(images, np.float64), 2, 0)
        by_text = np.moveaxis(np.array(texts, np.float64), 2, 0)
        text_matches, text_ids = of_texts.matches[first.text], first.ids[first.text]
        candidates = Candidates(
            len(of_split.images), len(of_split.texts), len(classes[0].names) if classes else 0
        )
        ends = np.searchsorted(first.owner, np.arange(len(first.keys) + 1))
        scores = np.empty((len(first.keys), 1), object)
        for record, key in enumerate(first.keys):
            mine = slice(ends[record], ends[record + 1])
            scores[record, 0] = Scores(
                keys=(key,),
                classes=(self.classes[record],),
                captions=np.array([mine.stop - mine.start]),
                images=by_image[record : record + 1],
                image_matches=of_images.matches[record : record + 1],
                labels=first.is_match[mine],
                text_ids=text_ids[mine],
                texts=by_text[mine],
                text_matches=text_matches[mine],
                candidates=candidates,
                sample=Sample.of_record(
                    key,
                    text_ids[mine],
                    [(e.images[record], e.texts[e.text[mine]]) for e in by_model],
                ),
            )
        return {**self.extracts, FEATURES: {**self.extracts[FEATURES], SCORES: scores}}


def own_similarities(embedded: Embedded) -> np.ndarray:
    """The similarity of each caption to its own image, float64 [m]."""
    return pair_scores(embedded.texts, embedded.images, embedded.text, embedded.owner)
