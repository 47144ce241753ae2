"""The gallery on a made-up sample, against ranks counted by hand."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from components.evaluator.ranking.embedded import Embedded
from components.run_report.config import ReportConfig
from components.run_report.gallery.choose import gallery
from components.run_report.gallery.sample import Sample, Shown
from components.run_report.gallery.thumbnails import data_uri

IMAGES = 40


def png(colour: str = "red", size: tuple[int, int] = (50, 30), mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, colour).save(file, "PNG")
    return file.getvalue()


def sample(noise: float = 0.8) -> Sample:
    """Image n carries the text n."""
    random = np.random.default_rng(1)
    images = random.normal(size=(IMAGES, 8)).astype(np.float32)
    texts = images + noise * random.normal(size=images.shape).astype(np.float32)
    number = np.arange(IMAGES)
    embedded = Embedded(
        [f"k{n}" for n in number],
        images / np.linalg.norm(images, axis=1, keepdims=True),
        texts / np.linalg.norm(texts, axis=1, keepdims=True),
        number.astype(np.uint64),
        number,
        number,
        np.ones(IMAGES, bool),
    )
    shown = [Shown(f"k{n}", png(), (f"text {n}",), {}) for n in number]
    return Sample(shown, embedded, [f"text {n}" for n in number], 100)


def ranks_by_hand(given: Sample) -> dict[str, int]:
    ranks = {}
    for n, text in enumerate(given.texts):
        scores = [float(given.embedded.texts[n] @ image) for image in given.embedded.images]
        ranks[text] = 1 + sum(score > scores[n] for score in scores)
    return ranks


def test_ranks_and_answers_are_those_counted_by_hand():
    given = sample()
    ranks = ranks_by_hand(given)
    made = gallery(given, ReportConfig())
    assert (made.records, made.of_records, made.is_sample) == (IMAGES, 100, True)
    assert len(made.queries) == 12
    for query in made.queries:
        assert query.rank == ranks[query.text]
        number = int(query.text.removeprefix("text "))
        scores = given.embedded.texts[number] @ given.embedded.images.T
        assert [int(hit.picture.key[1:]) for hit in query.nearest] == np.argsort(-scores)[
            :5
        ].tolist()
        assert [hit.is_match for hit in query.nearest] == [
            hit.picture.key == f"k{number}" for hit in query.nearest
        ]


def test_half_of_the_queries_are_right_where_there_are_enough():
    made = gallery(sample(), ReportConfig())
    right = [query for query in made.queries if query.rank == 1]
    assert len(right) == 6
    assert [query.rank for query in made.queries] == sorted(query.rank for query in made.queries)


def test_a_perfect_model_has_no_misses_and_only_right_queries():
    made = gallery(sample(noise=0.0), ReportConfig())
    assert made.misses == ()
    assert {query.rank for query in made.queries} == {1}
    assert len(made.queries) == 12
    assert made.hub is None


def test_misses_are_the_worst_ranks_beside_what_beat_them():
    given = sample()
    ranks = ranks_by_hand(given)
    made = gallery(given, ReportConfig(misses=7))
    assert [miss.rank for miss in made.misses] == sorted(ranks.values(), reverse=True)[:7]
    for miss in made.misses:
        assert miss.right.is_match
        assert miss.right.picture.key == f"k{miss.text.removeprefix('text ')}"
        assert not miss.first.is_match
        assert miss.first.similarity > miss.right.similarity


def test_the_same_sample_gives_the_same_gallery():
    assert gallery(sample(), ReportConfig()) == gallery(sample(), ReportConfig())


@pytest.mark.parametrize(
    ("image", "size"),
    [
        (png(size=(500, 250)), (96, 48)),
        (png(size=(10, 20)), (10, 20)),
        (png("#11223344", (300, 300), "RGBA"), (96, 96)),
    ],
)
def test_a_thumbnail_fits(image, size):
    made = data_uri(image, 96)
    assert made is not None
    kind, _, body = made.partition(",")
    assert kind == "data:image/webp;base64"
    assert Image.open(io.BytesIO(base64.b64decode(body))).size == size


@pytest.mark.parametrize("image", [b"", b"no image", png()[:40]])
def test_what_cannot_be_decoded_has_none(image):
    assert data_uri(image, 96) is None


def test_a_thumbnail_stands_as_the_model_sees_it():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    file = io.BytesIO()
    Image.new("RGB", (60, 20), "red").save(file, "jpeg", exif=exif)
    made = data_uri(file.getvalue(), 96)
    assert made is not None
    with Image.open(io.BytesIO(base64.b64decode(made.partition(",")[2]))) as small:
        assert small.size == (20, 60)
