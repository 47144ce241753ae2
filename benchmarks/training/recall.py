"""Recall of embeddings, the same for both sides."""

import numpy as np


def recall(
    images: np.ndarray, texts: np.ndarray, image_texts: list[list[str]], asked: list[str], k: int
) -> float:
    """Share of texts whose image is among the first k; a tie counts half.

    Args:
        images: embeddings [n, d].
        texts: embeddings [m, d].
        image_texts: the texts of each image.
        asked: the text of each row of `texts`; any image that has it is right.
        k: how many are looked at.
    """
    similarity = texts @ images.T
    where: dict[str, list[int]] = {}
    for image, its in enumerate(image_texts):
        for text in its:
            where.setdefault(text, []).append(image)
    hits = 0
    for row, text in zip(similarity, asked, strict=True):
        right = np.zeros(len(row), bool)
        right[where[text]] = True
        best = row[right].max()
        rank = 1 + (row[~right] > best).sum() + 0.5 * (row[~right] == best).sum()
        hits += rank <= k
    return hits / len(asked)
