"""Choose what the gallery shows: some queries, and the pairs that the model ranks worst."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from components.evaluator.ranking.embedded import match_pairs
from components.evaluator.ranking.ranking import rank
from components.run_report.config import ReportConfig
from components.run_report.facts import (
    Gallery,
    Hub,
    ImageQuery,
    Miss,
    NearImage,
    NearText,
    Picture,
    TextQuery,
)
from components.run_report.gallery.sample import Sample
from components.run_report.gallery.thumbnails import data_uri
from schema.text.stable_hash import hash_of

NEAREST = 5  # answers of a query
GOOD = 10  # the last rank of a query that is nearly right


def gallery(sample: Sample, config: ReportConfig) -> Gallery:
    """Rank the sample as the Evaluator does, and choose examples.

    On a whole split the ranks are those of the Evaluator. Half of the queries shown are right, the
    others are not, as far as there are such; which ones is decided by a hash of the text or key.
    """
    return _Chooser(sample, config).gallery()


class _Chooser:
    def __init__(self, sample: Sample, config: ReportConfig):
        self._sample, self._config = sample, config
        embedded = sample.embedded
        of_images, of_texts = rank(embedded, best_only=True)
        self._image_ranks, self._text_ranks = of_images.best, of_texts.best
        self._similarity = embedded.texts @ embedded.images.T
        self._matches = np.zeros(self._similarity.shape, bool)
        self._matches[match_pairs(embedded)] = True
        self._pictures: dict[int, Picture] = {}

    def gallery(self) -> Gallery:
        texts, shown = self._sample.texts, self._sample.shown
        queries = _spread(self._text_ranks, lambda n: texts[n], self._config.queries)
        images = _spread(self._image_ranks, lambda n: shown[n].key, self._config.images)
        return Gallery(
            records=len(shown),
            of_records=self._sample.of_records,
            texts=len(texts),
            queries=tuple(map(self._text_query, queries)),
            images=tuple(map(self._image_query, images)),
            misses=tuple(map(self._miss, self._worst())),
            hub=self._hub(),
        )

    def _text_query(self, text: int) -> TextQuery:
        nearest = _largest(self._similarity[text], NEAREST)
        return TextQuery(
            self._sample.texts[text],
            float(self._text_ranks[text]),
            tuple(self._near(text, image) for image in nearest),
        )

    def _image_query(self, image: int) -> ImageQuery:
        column = self._similarity[:, image]
        nearest = tuple(
            NearText(
                self._sample.texts[text], float(column[text]), bool(self._matches[text, image])
            )
            for text in _largest(column, NEAREST)
        )
        return ImageQuery(self._picture(image), float(self._image_ranks[image]), nearest)

    def _worst(self) -> list[int]:
        """Return the texts whose best match ranks lowest, and is not the first."""
        ranks = np.nan_to_num(self._text_ranks, nan=0)
        order = sorted(range(len(ranks)), key=lambda n: (-ranks[n], self._sample.texts[n]))
        return [text for text in order[: self._config.misses] if ranks[text] > 1]

    def _miss(self, text: int) -> Miss:
        row = self._similarity[text]
        right = int(np.where(self._matches[text], row, -np.inf).argmax())
        first = int(np.where(self._matches[text], -np.inf, row).argmax())
        return Miss(
            self._sample.texts[text],
            float(self._text_ranks[text]),
            self._near(text, right),
            self._near(text, first),
        )

    def _hub(self) -> Hub | None:
        """Return the image that is the first answer to the most texts."""
        asked = np.flatnonzero(~np.isnan(self._text_ranks))
        if not len(asked):
            return None
        first = self._similarity[asked].argmax(axis=1)
        [(image, count)] = Counter(first.tolist()).most_common(1)
        rightly = int(self._matches[asked[first == image], image].sum())
        return Hub(self._picture(image), count, rightly) if count > 1 else None

    def _near(self, text: int, image: int) -> NearImage:
        return NearImage(
            self._picture(image),
            float(self._similarity[text, image]),
            bool(self._matches[text, image]),
        )

    def _picture(self, image: int) -> Picture:
        if image not in self._pictures:
            shown = self._sample.shown[image]
            source = data_uri(shown.image, self._config.thumbnail)
            self._pictures[image] = Picture(shown.key, source, shown.captions, shown.attributes)
        return self._pictures[image]


def _largest(values: np.ndarray, most: int) -> list[int]:
    """Return the places of the largest values, the largest first; ties in their order."""
    return np.argsort(-values, kind="stable")[:most].tolist()


def _spread(ranks: np.ndarray, name: Callable[[int], str], most: int) -> Sequence[int]:
    """Choose queries: half of them right, a quarter nearly right, the rest wrong.

    Args:
        ranks: of the best match, [q]; nan: no match, never chosen.
        name: of a query, whose hash decides.
        most: queries to choose. Where one kind has too few, the others fill up.
    """
    asked = sorted(np.flatnonzero(~np.isnan(ranks)).tolist(), key=lambda n: hash_of(name(n)))
    right = [n for n in asked if ranks[n] == 1]
    nearly = [n for n in asked if 1 < ranks[n] <= GOOD]
    wrong = [n for n in asked if ranks[n] > GOOD]
    half, quarter = -(-most // 2), most // 4
    chosen = [*right[:half], *nearly[:quarter], *wrong[: most - half - quarter]]
    rest = [*nearly[quarter:], *wrong[most - half - quarter :], *right[half:]]
    chosen += rest[: most - len(chosen)]
    return sorted(chosen, key=lambda n: (ranks[n], hash_of(name(n))))
