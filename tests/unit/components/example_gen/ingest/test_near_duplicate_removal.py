"""Which records show what one of train shows, by images in a spool: counted, kept, left out."""

import apache_beam as beam
import numpy as np
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.util import assert_that, equal_to

from benchmarks.near_duplicates_data import encoded, textures
from components.example_gen.config import NearDuplicatesConfig
from components.example_gen.images.preparation import ImageLimits, prepare
from components.example_gen.ingest.image_store import ImageStore
from components.example_gen.ingest.near_duplicate_removal import PAIRS, without_near_duplicates
from components.example_gen.ingest.stages import COUNTS, REFUSED
from components.example_gen.near_duplicates.candidates import Compared
from components.example_gen.near_duplicates.pairs import Pair
from components.example_gen.near_duplicates.perceptual_hash import fingerprints
from components.example_gen.records import quarantine
from components.example_gen.records.examined import Refused
from components.example_gen.records.quarantine import Summary
from components.example_gen.rows import Place
from pipeline.beam.arguments import beam_arguments
from pipeline.config.beam import LocalBeam
from tests.support.ingest import blocks, facts, record

SCENES = list(textures(12).values())
LIMITS = ImageLimits(10_000_000, 10_000_000)


def png(number: int) -> bytes:
    return encoded(SCENES[number], "png")


def jpeg(number: int) -> bytes:
    return encoded(SCENES[number], "jpeg", quality=60)


def shown(spool: ImageStore, key: str, body: bytes, split: str, offset: int = 0):
    made = prepare(body, LIMITS)
    image = facts(
        str(hash(body)),
        fingerprint=fingerprints(made.small).tobytes(),
        width=made.width,
        height=made.height,
    )
    stored, place = spool.add(body), Place("f", offset)
    attributes = {"kind": f"kind of {key}", "other": "x"}
    return record(
        key, image=image, split=split, place=place, stored=stored, attributes=attributes, rows=2
    )


def judged(folder, action: str, similarity: float = 0.88, train: int = 3):
    """What is kept, refused, counted and paired, each as a list."""
    spool = ImageStore(str(folder / "spool"))
    records = [
        *(shown(spool, f"t{n}", png(n), "train") for n in range(train)),
        shown(spool, "t1-again", png(1), "train"),
        shown(spool, "bytes", png(1), "eval", 1),
        shown(spool, "quality", jpeg(2), "test", 2),
        shown(spool, "other", png(11), "eval", 3),
    ]
    spool.close()
    asked = NearDuplicatesConfig.model_validate({"action": action, "similarity": similarity})
    return records, asked


def check(folder, action, kept, refused, counts, pairs, similarity=0.88, train=3):
    records, asked = judged(folder, action, similarity, train)
    with beam.Pipeline(options=PipelineOptions(beam_arguments(LocalBeam()))) as pipeline:
        given = pipeline | beam.Create(blocks(records))
        left, found = without_near_duplicates(given, asked, ["kind"], buckets=3)
        keys = left | beam.FlatMap(lambda block: [each.key for each in block])
        assert_that(keys, equal_to(kept), "Kept")
        assert_that(found[REFUSED], equal_to(refused), "Refused")
        assert_that(found[COUNTS], equal_to(counts), "Counts")
        near = found[PAIRS] | beam.Map(
            lambda each: (each.split, each.key, each.train_key, each.sameness, each.attributes)
        )
        assert_that(near, equal_to(pairs), "Pairs")


TRAIN = ["t0", "t1", "t2", "t1-again"]
EVAL, TEST = (("near_duplicates", "eval"), 1), (("near_duplicates", "test"), 1)
# Of two of train with the same bytes the one that comes first by its key.
SAME = ("eval", "bytes", "t1", "bytes", {"kind": "kind of bytes"})
ALIKE = ("test", "quality", "t2", "alike", {"kind": "kind of quality"})


class RefusedLike:
    """Equal to a refused record whose detail begins like this."""

    def __init__(self, split: str, offset: int, key: str, detail: str):
        self._told = (split, Place("f", offset), "near_duplicate_of_train", key)
        self._detail = detail

    def __eq__(self, other: object) -> bool:
        assert isinstance(other, Refused)
        told = (other.split, other.place, other.reason, other.key)
        return told == self._told and other.detail.startswith(self._detail)

    __hash__ = None  # type: ignore[assignment]


def test_copies_are_left_out_with_what_they_look_like(tmp_path):
    refused = [
        RefusedLike("eval", 1, "bytes", "the same bytes as the key t1"),
        RefusedLike("test", 2, "quality", "similarity 0.9"),
    ]
    check(tmp_path, "remove", [*TRAIN, "other"], refused, [EVAL, TEST], [SAME, ALIKE])


def test_a_report_keeps_them_all_at_the_similarity_of_the_config(tmp_path):
    everything = [*TRAIN, "bytes", "quality", "other"]
    check(tmp_path / "1", "report", everything, [], [EVAL, TEST], [SAME, ALIKE])
    check(tmp_path / "2", "report", everything, [], [EVAL], [SAME], similarity=1)


def test_off_compares_nothing():
    records = object()
    assert without_near_duplicates(records, NearDuplicatesConfig(action="off"), [], 1) == (
        records,
        None,
    )


def test_a_pair_says_what_is_alike():
    assert Pair("eval", "a", "b", "alike", 0.9).detail == "similarity 0.900 to the key b"
    assert Pair("eval", "a", "b", "pixels", 1.0).detail == "the same pixels as the key b"


def test_a_split_that_is_nothing_but_copies_says_so(tmp_path):
    summary = Summary(
        read=9,
        examples={"train": 5},
        quarantined={"near_duplicate_of_train": 4},
        near_duplicates={"eval": 4},
    )
    (tmp_path / "summary.json").write_text(summary.model_dump_json())
    assert quarantine.empty_splits(str(tmp_path), ["train", "eval"]) == [
        "the split eval has no usable record: 4 of 4 images of eval (100.0 %) look like ones of "
        "the train split and were removed"
    ]


def test_an_image_with_a_side_below_64_pixels_is_close_to_none():
    body = fingerprints(np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)).tobytes()
    sizes = {"a": (64, 64), "b": (63, 640), "c": (640, 63)}
    records = [
        record(key, image=facts(key, fingerprint=body, width=width, height=height))
        for key, (width, height) in reversed(sizes.items())
    ]
    made = Compared.of(records)
    assert (made.keys, made.contents) == (["a", "b", "c"], ["a", "b", "c"])
    assert made.fingerprints["colours"].any(-1).tolist() == [True, False, False]
    assert len(set(made.fingerprints["digest"].tolist())) == 1
    assert len(Compared.of([]).fingerprints) == 0


def test_what_is_compared_of_some_records_and_of_others_joins_to_that_of_all():
    pixels = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
    records = [
        record(key, image=facts(key, fingerprint=each.tobytes(), width=64, height=64))
        for key, each in zip(("c", "a", "e", "b"), fingerprints(pixels), strict=True)
    ]
    joined = Compared.joined([Compared.of(each) for each in blocks(records)])
    whole = Compared.of(records)
    assert (joined.keys, joined.contents) == (["a", "b", "c", "e"], ["a", "b", "c", "e"])
    assert joined.stored == whole.stored
    assert joined.fingerprints.tobytes() == whole.fingerprints.tobytes()
    assert Compared.joined([]).keys == []
    assert Compared.of(records, lambda each: f"eval/{each.key}").keys[0] == "eval/a"
