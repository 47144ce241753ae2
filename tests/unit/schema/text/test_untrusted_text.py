"""Text from elsewhere as people see it: nothing in it steers a terminal or passes for a line."""

import sys
import unicodedata

import pytest

from schema.text.untrusted_text import escaped, for_people


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nrelease 9 serves now", r"a\nrelease 9 serves now"),
        ("a\r\tb", r"a\r\tb"),
        ("\x1b[2J\x1b]0;t\x07", r"\x1b[2J\x1b]0;t\x07"),
        ("\x9b31m\x85", r"\x9b31m\x85"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("invoice\u202egnp.exe", r"invoice\u202egnp.exe"),
        ("\u2066\u2069\u200e\u200f\u061c", r"\u2066\u2069\u200e\u200f\u061c"),
        ("pass\u200bword\ufeff\u2060\u00ad", r"pass\u200bword\ufeff\u2060\xad"),
        ("a\u200db", r"a\u200db"),  # a joiner that joins nothing hides
        ("\U000e0041\U000e0042", r"\U000e0041\U000e0042"),  # letters nobody sees
        ("\udcffname", r"\xffname"),  # a name that is not UTF-8
        ("\ud83d", r"\ud83d"),
        ("C:\\new", "C:\\new"),
    ],
)
def test_what_is_shown_as_an_escape(text, shown):
    assert escaped(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "[/bold] :smile: [link=x]",
        "jürgen 日本 한국어 ภาษาไทย",
        "قطة على سرير",
        "חתול על מיטה",
        "می‌خواهم",  # Persian, with a non-joiner
        "क्‍ष",  # Devanagari, with a joiner
        "ക്‍",  # Malayalam's old chillu, which ends in one
        "👩🏽‍🚀 👨‍👩‍👧 ❤️‍🔥 🏳️‍🌈 🧑‍⚕️ 🇩🇪 1️⃣",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",  # the flag of England
        "e\u0301 a\u0308",
    ],
)
def test_what_stays_as_it_is(text):
    assert escaped(text) == text


def test_no_control_or_invisible_format_character_is_left():
    """Unicode's visible format characters are signs around numbers, which are harmless."""
    visible = {chr(n) for n in (*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD)}
    visible |= {"\U000110cd"} | {chr(n) for n in range(0x13430, 0x13440)}
    kept = {
        character
        for character in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        and escaped(f"x{character}y") == f"x{character}y"
    }
    assert kept <= visible


def test_secrets_are_hidden_as_well():
    assert for_people("https://u:p@host/\x1b") == r"https://***@host/\x1b"
