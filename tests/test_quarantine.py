"""The quarantine's lines and sums, and when a run stops."""

from components.example_gen import quarantine
from components.example_gen.found import Refused
from components.example_gen.quarantine import Summary
from components.example_gen.reasons import HARMLESS, REASONS
from components.example_gen.row import Place

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
    assert "\n" not in text
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
    assert quarantine.summarize({}) == Summary()


def test_a_run_stops_above_the_share_and_not_at_it():
    summary = quarantine.summarize(COUNTS)
    assert quarantine.check(summary, 0.008) == []  # 8 of 1,000 exactly
    assert quarantine.check(summary, 0.0079) == [
        "8 of 1,000 records are quarantined: 7 damaged_pixels, 1 empty_caption; "
        "data.max_quarantined allows a share of 0.0079 (`diptych quarantine list` shows each)"
    ]
    assert quarantine.check(Summary(), 0.0) == []


def test_records_of_a_folder_are_read_in_the_order_of_their_places(tmp_path):
    places = [Place("b", 2), Place("a", 9), Place("b", 1)]
    for number, place in enumerate(places):
        file = tmp_path / quarantine.RECORDS.format(number, quarantine.FILES)
        file.write_text(quarantine.line(Refused("train", place, "no_image")) + "\n")
    assert [each.place for each in quarantine.read_records(str(tmp_path))] == sorted(places)


def test_harmless_reasons_are_reasons_and_all_are_explained_in_order():
    assert set(REASONS) >= HARMLESS
    explained = quarantine.explain(["no_caption", "empty_image"])
    assert explained == [
        ("empty_image", "the image has no bytes"),
        ("no_caption", "there is no caption"),
    ]
