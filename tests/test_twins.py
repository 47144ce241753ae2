"""Which records look like one of train, by made-up fingerprints: counted, told, left out."""

import apache_beam as beam
import numpy as np
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.util import assert_that, equal_to

from components.example_gen.config import NearDuplicatesConfig
from components.example_gen.found import Refused
from components.example_gen.perceptual_hash import FINGERPRINT
from components.example_gen.row import Place
from components.example_gen.stages import COUNTS, REFUSED
from components.example_gen.twins import Looks, without_twins
from pipeline.beam_arguments import beam_arguments
from pipeline.beam_config import LocalBeam
from tests.ingest_kit import facts, record


def fingerprint(bits: int) -> np.ndarray:
    """One of which every bit is sure, of one grey."""
    made = np.zeros(1, FINGERPRINT)
    made["hash"], made["sure"], made["colours"] = bits, np.uint64(2**64 - 1), 128
    return made


def looking(key: str, bits: int, split: str, offset: int = 0):
    image = facts(key, looks=fingerprint(bits).tobytes())
    return record(key, image=image, split=split, place=Place("f", offset))


FAR = 0xFFFFFFFF00000000
RECORDS = [
    looking("t-far", FAR, "train"),
    looking("t-three", 0b0111, "train"),
    looking("t-one", 0b0001, "train"),
    looking("t-also-one", 0b0001, "train"),
    looking("none", 0, "eval", 1),  # 1 bit from t-one and from t-also-one, 3 from t-three
    looking("far", FAR, "test", 2),
    looking("two", 0b11000 | FAR, "eval", 3),  # 2 bits from t-far
    looking("alone", 0xFFFF0000FFFF, "eval", 4),
]


def check(action: str, distance: int, kept: list, refused: list, counts: list, records=RECORDS):
    """Compare everything that comes out, whatever its order; refused by key and detail."""
    asked = NearDuplicatesConfig.model_validate({"action": action, "distance": distance})
    with beam.Pipeline(options=PipelineOptions(beam_arguments(LocalBeam()))) as pipeline:
        left, stages = without_twins(pipeline | beam.Create(list(records)), asked)
        assert_that(left | beam.Map(lambda each: each.key), equal_to(kept), "Kept")
        assert len(stages) == (action != "off")
        for stage in stages:
            assert_that(stage[REFUSED], equal_to(refused), "Refused")
            assert_that(stage[COUNTS], equal_to(counts), "Counts")


def near(split: str, offset: int, key: str, detail: str) -> Refused:
    return Refused(split, Place("f", offset), "near_duplicate_of_train", detail, key)


ALL = [each.key for each in RECORDS]
EVAL, TEST = (("near_duplicates", "eval"), 1), (("near_duplicates", "test"), 1)


def test_each_record_outside_train_with_the_nearest_of_train():
    # More than Beam hands on at once, so that what is near is in several batches; the bits are
    # random, so that hardly one is near: of 64, 9 differ or more.
    rng = np.random.default_rng(0)
    others = [looking(f"t{n}", int(rng.integers(2**63)), "train") for n in range(600)]
    records = [*RECORDS[:2], *others, *RECORDS[2:]]
    check(
        "remove",
        8,
        kept=["t-far", "t-three", "t-one", "t-also-one", "alone", *(each.key for each in others)],
        refused=[
            # Of two as near the one that comes first by its key.
            near("eval", 1, "none", "1 of 64 bits differ from the key t-also-one"),
            near("test", 2, "far", "0 of 64 bits differ from the key t-far"),
            near("eval", 3, "two", "2 of 64 bits differ from the key t-far"),
        ],
        counts=[EVAL, TEST, EVAL],
        records=records,
    )


def test_a_report_keeps_them_all_at_the_distance_of_the_config():
    check("report", 1, ALL, [], [EVAL, TEST])
    check("report", 2, ALL, [], [EVAL, TEST, EVAL])


def test_off_does_not_look():
    records = object()
    off = NearDuplicatesConfig(action="off")
    assert without_twins(records, off) == (records, [])


def test_without_train_nothing_looks_like_it():
    others = RECORDS[4:]
    check("remove", 8, [each.key for each in others], [], [], others)


def test_looks_are_in_the_order_of_the_keys():
    looks = Looks.of(reversed(RECORDS))
    assert looks.keys == sorted(ALL)
    by_key = {each.key: each.image.looks for each in RECORDS}
    assert [each.tobytes() for each in looks.fingerprints] == [by_key[key] for key in looks.keys]
    assert len(Looks.of([]).fingerprints) == 0
