"""Metrics of zero-shot classification: an image goes to the class whose name it resembles most.

After CLIP (Radford et al., 2021, section 3.1.4): a class is the mean over prompt templates.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from components.evaluator.metrics.embedding_sample import unit
from components.evaluator.metrics.names import PLACE
from components.evaluator.metrics.queries import QueryMeans, class_queries
from components.evaluator.metrics.registry import METRICS, Metric
from components.evaluator.metrics.scores import Scores

TOP = {"zero_shot_top_1": 1, "zero_shot_top_5": 5}
Embed = Callable[[Sequence[str]], np.ndarray]  # n texts to float32 [n, d]


@dataclasses.dataclass(frozen=True)
class Classes:
    """The classes of a split, in order, and an embedding of length 1 of each, float32 [c, d]."""

    names: tuple[str, ...]
    embeddings: np.ndarray


def embed_classes(names: Sequence[str], templates: Sequence[str], embed: Embed) -> Classes:
    """Embed each class: the normalised mean of its normalised template embeddings.

    Args:
        names: of the classes, in any order.
        templates: each with one place for a name.
        embed: the text tower.
    """
    ordered = tuple(sorted(names))
    if not ordered:
        return Classes((), np.zeros((0, 0), np.float32))
    texts = [template.replace(PLACE, name) for name in ordered for template in templates]
    vectors = unit(embed(texts)).reshape(len(ordered), len(templates), -1)
    return Classes(ordered, unit(vectors.mean(1)))


def class_ranks(images: np.ndarray, truth: Sequence[str | None], classes: Classes) -> np.ndarray:
    """Rank of the true class of each image among all classes.

    Args:
        images: [n, d], of any length: the order of the classes does not depend on it.
        truth: the class of each image, None where it has none.
        classes: to choose from.

    Returns:
        1 + (classes more similar) + (other classes just as similar) / 2, float64 [n]; nan where
        the truth is none of the classes.
    """
    places: dict[str | None, int] = {name: place for place, name in enumerate(classes.names)}
    own_class = np.array([places.get(name, -1) for name in truth], np.int64)
    ranks = np.full(len(truth), np.nan)
    [known] = np.nonzero(own_class >= 0)
    if len(known):
        similarities = images[known] @ classes.embeddings.T
        own = similarities[np.arange(len(known)), own_class[known]][:, None]
        tied = (similarities == own).sum(1) - 1
        ranks[known] = 1 + (similarities > own).sum(1) + tied / 2
    return ranks


def zero_shot(scores: Scores) -> QueryMeans:
    """Measure whether the class of an image is among the first of all classes."""
    queries = class_queries(scores)
    classes = queries.candidates
    # Of five classes or fewer, the right one is always among the first five.
    used = {name: k for name, k in TOP.items() if k < classes}
    return QueryMeans(
        queries,
        {name: queries.ranks <= k for name, k in used.items()},
        {name: k / classes for name, k in used.items()},
    )


for _name in TOP:
    METRICS.add(_name, Metric(zero_shot, is_share=True, needs="zero_shot"))
