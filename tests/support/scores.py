"""Scores of made-up records, for the tests of metrics."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from components.evaluator.metrics.embedding_sample import Sample
from components.evaluator.metrics.scores import Candidates, Scores
from trainer.preprocessing.captions import text_ids


def scores_of(
    image_ranks: Sequence[float],
    text_ranks: Sequence[Sequence[float]],
    similarities: Sequence[Sequence[float]] | None = None,
    labels: Sequence[Sequence[bool]] | None = None,
    classes: Sequence[float] | None = None,
    embeddings: Sequence[tuple[np.ndarray, np.ndarray]] | None = None,
    baseline: "list[Scores] | None" = None,
    captions: Sequence[Sequence[str]] | None = None,
) -> list[Scores]:
    """One `Scores` a record of one model, or of two when those of a baseline are given.

    The average precision is 1 / rank, as if each query had one match; all captions differ unless
    they are given. There are 50 candidates each way and nine classes.
    """
    found = []
    for n, (image, texts) in enumerate(zip(image_ranks, text_ranks, strict=True)):
        by_text = np.array(similarities[n] if similarities else [0.5] * len(texts))
        space = embeddings[n] if embeddings else (np.eye(3)[n % 3], np.eye(3)[[n % 3] * len(texts)])
        wide = np.asarray(texts, float)
        said = captions[n] if captions else [f"{n}, {place}" for place in range(len(texts))]
        mine = Scores(
            keys=(f"key{n:05d}",),
            classes=("class" if classes else None,),
            captions=np.array([len(texts)]),
            images=np.array([[[image, 1 / image, classes[n] if classes else np.nan]]]),
            image_matches=np.array([1]),
            labels=np.array(labels[n] if labels else [True] * len(texts)),
            text_ids=text_ids(said),
            texts=np.stack([wide, 1 / wide, by_text], axis=1)[:, None],
            text_matches=np.ones(len(texts), int),
            candidates=Candidates(50, 50, 9),
            sample=Sample.of_record(f"key{n:05d}", text_ids(said), [space]),
        )
        if baseline:
            other = baseline[n]
            mine = dataclasses.replace(
                mine,
                images=np.concatenate([mine.images, other.images], axis=1),
                texts=np.concatenate([mine.texts, other.texts], axis=1),
                sample=dataclasses.replace(
                    mine.sample, spaces=mine.sample.spaces + other.sample.spaces
                ),
            )
        found.append(mine)
    return found


def random_scores(records: int, seed: int, captions: int = 3, dim: int = 8) -> list[Scores]:
    """Records with ties among the ranks, mismatches among the captions, classes and embeddings."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, captions + 1, records)
    labels = [rng.random(count) < 0.7 for count in counts]
    ranks = [np.where(each, rng.geometric(0.2, len(each)), np.nan) for each in labels]
    return scores_of(
        np.where([each.any() for each in labels], rng.geometric(0.2, records), np.nan).tolist(),
        [each.tolist() for each in ranks],
        [np.round(rng.random(len(each)) + 0.3 * each, 1).tolist() for each in labels],
        [each.tolist() for each in labels],
        rng.integers(1, 9, records).tolist(),
        [(rng.normal(size=dim) + 1, rng.normal(size=(count, dim)) - 1) for count in counts],
    )
