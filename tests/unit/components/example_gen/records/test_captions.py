# ruff: noqa: RUF001  characters that look like others are what is tested
import time
from random import Random

import pytest

from components.example_gen.records.captions import clean
from components.example_gen.rows import DUPLICATE_CAPTION, UnusableError

FAMILY = "👨\u200d👩\u200d👧"
SCOTLAND = "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


def one(caption: str | bytes, limit: int = 1000) -> str:
    [text] = clean([caption], None, limit).captions
    return text


def reason(captions, labels=None, limit: int = 1000) -> str:
    with pytest.raises(UnusableError) as caught:
        clean(captions, labels, limit)
    return caught.value.reason


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("  a cat \t on\n\na\r\nmat ", "a cat on a mat"),
        ("a\u00a0b\u2003c\u2028d\u3000e\x1cf\x85g", "a b c d e f g"),
        (b"\xef\xbb\xbfBOM first", "BOM first"),
        ("\ufeffBOM first", "BOM first"),
        ("Zu\u0308rich", "Zürich"),
        ("ｆｕｌｌ ｗｉｄｔｈ", "full width"),
        ("ﬁ ² Ⅳ", "fi 2 IV"),
        ("a\x00b\x07c\x1b[0m", "abc[0m"),
        ("soft\u00adhyphen zero\u200bwidth \u202eturned\u202c", "softhyphen zerowidth turned"),
        ("joined\u200dlatin", "joinedlatin"),
        (FAMILY, FAMILY),
        ("❤\ufe0f", "❤\ufe0f"),
        (SCOTLAND, SCOTLAND),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ("क्\u200d", "क्\u200d"),
        ("plain\U000e0067tag", "plaintag"),
        ("e\u200b\u0301 ａ\u200d\u0301", "é á"),
        ("?", "?"),
        ("😀", "😀"),
    ],
)
def test_one_form(caption, expected):
    assert one(caption) == expected
    assert one(expected) == expected  # cleaning twice changes nothing


def test_cleaning_twice_changes_nothing():
    alphabet = "aeA <3\u0301\u0308\u200b\u200c\u200d\ufe0f\u00a8ａ½ﬁ가ᄀ\u1161क्\u094d👨"
    alphabet += "\U000e0067\x00\n\u3164\ufdfaé"
    random = Random(0)
    for _ in range(5_000):
        caption = "x" + "".join(random.choices(alphabet, k=random.randint(1, 8)))
        assert one(one(caption)) == one(caption), ascii(caption)


@pytest.mark.parametrize(
    "caption",
    ["", "  \n", "\u200b", "\ufeff\u2060", "\u200d", "\ufe0f", "\u0301", "\x00\x1b", "\u3164\u2800",
     "\u200e \u200f", b"", b"\xef\xbb\xbf", "\u034f"],
)  # fmt: skip
def test_what_shows_nothing_is_empty(caption):
    assert reason([caption]) == "empty_caption"


@pytest.mark.parametrize(
    "caption", [b"\xff\xfea", b"caf\xe9", "\ud800", "a \udfff b", b"\xed\xa0\x80"]
)
def test_not_utf8(caption):
    assert reason([caption]) == "caption_not_utf8"


@pytest.mark.parametrize(
    "caption",
    ["<!DOCTYPE html><html>", "<b>bold</b>", "a line<br>another", "a line<BR />another", "</a >",
     "<p>one</p>", '<a href="x">here', "<script src=x>", "<SCRIPT>", '<img src="cat.jpg"> a cat',
     "<div class='caption'>A cat", "<!-- caption --> A cat", "<ul><li>one"],
)  # fmt: skip
def test_html(caption):
    assert reason([caption]) == "caption_is_html"


@pytest.mark.parametrize(
    "caption",
    ["a < b and b > a", "I <3 you", "<person> on a horse", "<unk> dog", "a <b> c", "1 <2> 3",
     "<- left, right ->", "x</y", "a<b, c>d", "<image>", "<span", "p<a", "<brand new>"],
)  # fmt: skip
def test_not_html(caption):
    assert one(caption) == caption


def test_too_long():
    assert one("a" * 10, 10) == "a" * 10
    assert one(" " * 50 + "a" * 10 + "\n" * 50, 10) == "a" * 10
    assert reason(["a" * 11], limit=10) == "caption_too_long"
    # One character that NFKC makes 18 of.
    assert len(one("\ufdfa", 18)) == 18
    assert reason(["\ufdfa"], limit=17) == "caption_too_long"


def test_a_text_of_megabytes_is_refused_at_once():
    start = time.monotonic()
    for character in ("\ufdfa", "<", "a", "\u200b", "</"):
        assert reason([character * 2_000_000], limit=10_000) == "caption_too_long"
        one_more = "x" + character * 4_999
        clean([one_more, "good"], None, 10_000)
    assert time.monotonic() - start < 1


def test_duplicates_are_dropped_and_counted():
    cleaned = clean(["a cat", " a  cat ", "a dog", "ａ cat", ""], None, 100)
    assert cleaned.captions == ("a cat", "a dog")
    assert cleaned.labels is None
    assert cleaned.dropped == (DUPLICATE_CAPTION, DUPLICATE_CAPTION, "empty_caption")
    # Case is kept: nothing says that they mean the same.
    assert clean(["Polish", "polish"], None, 100).captions == ("Polish", "polish")


def test_labels_follow_their_captions():
    cleaned = clean(["", "yes", b"\xff", "no", "yes "], [0, 1, 1, 0, 1], 100)
    assert cleaned.captions == ("yes", "no")
    assert cleaned.labels == (1, 0)
    assert cleaned.dropped == ("empty_caption", "caption_not_utf8", DUPLICATE_CAPTION)


@pytest.mark.parametrize("labels", [[1], [1, 0, 1], [1, 2], [1, -1], [0.0, 1.0], ["1", "0"], []])
def test_bad_labels(labels):
    assert reason(["a", "b"], labels) == "bad_labels"


def test_one_caption_with_both_labels():
    assert reason(["a cat", "a  cat"], [1, 0]) == "bad_labels"


def test_none_is_left():
    assert reason([]) == "no_caption"
    assert reason([], []) == "no_caption"
    assert reason(["\u200b", b"\xff"]) == "empty_caption"
    assert reason([b"\xff", ""]) == "caption_not_utf8"
