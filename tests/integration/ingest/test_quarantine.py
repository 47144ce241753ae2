"""The quarantine's lines and sums, and when a run stops."""

from components.example_gen.records import quarantine
from components.example_gen.records.examined import Refused
from components.example_gen.records.quarantine import Summary
from components.example_gen.rows import HARMLESS, REASONS, Place

# 1,000 rows: 960 + 20 examples, 10 merged, 7 + 1 bad, 2 near duplicates.
COUNTS = {
    ("read", ""): 1000,
    ("examples", "train"): 960,
    ("examples", "eval"): 20,
    ("merged", ""): 10,
    ("quarantined", "damaged_pixels"): 7,
    ("quarantined", "empty_caption"): 1,
    ("quarantined", "near_duplicate_of_train"): 2,
    ("captions", "1"): 980,
}


def test_a_line_is_read_back_as_it_was():
    refused = Refused("eval", Place("s3://b/x.tar", 512), "not_an_image", "HTML", "ü/1", b"<ht\xff")
    text = quarantine.line(refused)
    # Keys in one order and nothing but ASCII: the file is the same whoever writes it.
    assert text == (
        '{"detail": "HTML", "first_bytes": "3c6874ff", "key": "\\u00fc/1", "offset": 512, '
        '"reason": "not_an_image", "source": "s3://b/x.tar", "split": "eval"}'
    )
    assert quarantine.parse(text) == refused


def test_the_sums_account_for_every_row():
    summary = quarantine.summarize(COUNTS)
    assert summary.read == 1000
    assert summary.examples == {"train": 960, "eval": 20}
    assert summary.lost == 0
    assert summary.unusable == 8
    assert summary.sentence == (
        "8 of 1,000 records are quarantined: 7 damaged_pixels, 1 empty_caption"
    )
    assert quarantine.summarize({**COUNTS, ("merged", ""): 8}).lost == 2
    shuffled = quarantine.summarize(dict(reversed(COUNTS.items())))
    assert shuffled.model_dump_json() == summary.model_dump_json()  # in whatever order it came
    assert quarantine.summarize({}) == Summary()


def test_the_most_frequent_reason_comes_first():
    quarantined = {"damaged_pixels": 2, "no_caption": 1_500, "empty_image": 30}
    assert Summary(read=20_000, quarantined=quarantined).sentence == (
        "1,532 of 20,000 records are quarantined: "
        "1,500 no_caption, 30 empty_image, 2 damaged_pixels"
    )


def test_what_a_person_should_know_of_an_ingest_that_went_through():
    bad = {"empty_caption": 1, "near_duplicate_of_train": 1_002}
    looks = {"eval": 1_000, "test": 2}
    like = "look like ones of the train split"
    left = {"eval": 3_000, "train": 5_000}
    summary = Summary(read=9_003, examples=left, quarantined=bad, near_duplicates=looks)
    assert quarantine.remarks(summary) == [
        "1 of 9,003 records is quarantined: 1 empty_caption",
        f"1,000 of 4,000 images of eval (25.0 %) {like}; they were removed",
        f"2 of 2 images of test (100.0 %) {like}; they were removed",
    ]
    kept = Summary(read=9, examples={"eval": 8}, near_duplicates={"eval": 3})
    assert quarantine.remarks(kept) == [f"3 of 8 images of eval (37.5 %) {like}"]
    harmless = {"near_duplicate_of_train": 3}
    assert quarantine.remarks(Summary(read=9, quarantined=harmless)) == []


def test_a_run_stops_above_the_share_of_near_duplicates_of_a_split_and_not_at_it():
    left, found = {"train": 10, "eval": 95, "test": 94}, {"eval": 5, "test": 6}
    removed = {"near_duplicate_of_train": 11}
    summary = Summary(read=210, examples=left, quarantined=removed, near_duplicates=found)
    # 5 of 100 and 6 of 100.
    [sentence] = quarantine.check_removed(summary, 0.05)
    assert sentence.startswith(
        "6 of 100 images of test (6.0 %) look like ones of the train split and were removed; "
        "data.near_duplicates.max_removed allows a share of 0.05. Look at the pairs"
    )
    assert quarantine.check_removed(summary, 0.06) == []
    assert len(quarantine.check_removed(summary, 0)) == 2
    # They are only reported.
    left = {"train": 10, "eval": 100, "test": 100}
    assert quarantine.check_removed(Summary(examples=left, near_duplicates=found), 0) == []


def test_a_run_stops_above_the_share_and_not_at_it():
    summary = quarantine.summarize(COUNTS)
    assert quarantine.check(summary, 0.008) == []  # 8 of 1,000 exactly
    assert quarantine.check(summary, 0.0079) == [
        "8 of 1,000 records are quarantined: 7 damaged_pixels, 1 empty_caption; "
        "data.max_quarantined allows a share of 0.0079 (`diptych quarantine list` shows each)"
    ]
    [third] = quarantine.check(Summary(read=2, quarantined={"no_image": 1}), 1 / 3)
    assert "allows a share of 0.333333 (" in third
    assert quarantine.check(Summary(), 0.0) == []


def test_records_of_a_folder_are_read_in_the_order_of_their_places(tmp_path):
    places = [Place("b", 2), Place("a", 9), Place("b", 1)]
    wanted = [Refused("train", place, "no_image") for place in sorted(places)]
    wanted.insert(0, Refused("eval", places[1], "no_caption"))  # of one place, by the reason
    lines = [quarantine.line(each) + "\n\n" for each in reversed(wanted)]
    for number, some in enumerate((lines[:1], lines[1:])):
        (tmp_path / f"records-{number:05d}-of-00004.jsonl").write_text("\n" + "".join(some))
    assert list(quarantine.read_records(str(tmp_path))) == wanted


def test_harmless_reasons_are_reasons_and_all_are_explained_in_order():
    assert set(REASONS) >= HARMLESS
    assert quarantine.explain(["no_caption", "damaged_pixels", "empty_image", "no_caption"]) == [
        ("empty_image", "the image has no bytes"),
        ("damaged_pixels", "the image's pixels are cut off or damaged"),
        ("no_caption", "there is no caption"),
    ]
