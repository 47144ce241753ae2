"""2,000 odd strings for tokenizers, drawn by a generator that is the same on any machine."""

# ruff: noqa: RUF001  letters that look like others are what it is about

import random
import unicodedata

WORDS = ("duck", "Kühlschrank", "naïve", "ÀÉÎÕÜ", "unbelievably", "o'clock", "can't", "e-mail", "I")
STRINGS = (
    *("", " ", "\t\n", "[CLS]", "[MASK] token", "[UNK]", "[PAD]", "a[SEP]b", "[sep]", "##ing", "#"),
    *(
        "x" * 99,
        "x" * 100,
        "x" * 101,
        "é" * 100,
        "é" * 101,
        "word " * 40,
        "a.b.c",
        "...",
        "$1,000.50",
    ),
    *("東京タワー", "日本語とEnglish", "한국어 텍스트", "ภาษาไทย", "हिन्दी में", "עברית", "العَرَبِيَّة"),
    *(
        "👩‍👩‍👧‍👦 family",
        "🇩🇪🇫🇷",
        "1️⃣2️⃣",
        "☃️❄",
        "\u200bzero\u200bwidth",
        "soft\u00adhyphen",
        "a\u0000b",
    ),
    *("\ufeffbom", "nul\x00", "bell\x07", "tab\tnew\nline\r", "\u2028line\u2029", "nbsp\u00a0here"),
    *(
        "İstanbul",
        "ﬁne ﬂower",
        "Å Å",
        "ǅ ǆ",
        "ß ẞ",
        "ΣΊΣΥΦΟΣ",
        "ſ",
        "K K",
        "½ ² ①",
        "\ue000private",
    ),
    *(
        "\ufffd",
        "a\ufffdb",
        "𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
        "𠀀𠀁",
        "\U000e0001tag",
        "e\u0301\u0301",
        "\u0301lone",
        "“quotes” — dash…",
    ),
)
# First and last code points that strings are drawn from, and how often.
RANGES = (
    *((0x20, 0x7E),) * 8,
    *((0xA0, 0x24F),) * 4,
    *((0x0, 0x1F), (0x7F, 0x9F), (0x250, 0x36F), (0x370, 0x5FF), (0x600, 0x6FF), (0x900, 0x97F)),
    *((0xE00, 0xE7F), (0x1E00, 0x1FFF), (0x2000, 0x206F), (0x2070, 0x2BFF), (0x3000, 0x30FF)),
    *((0x3400, 0x9FFF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFB00, 0xFDFF), (0xFE00, 0xFFFC)),
    *((0x1F300, 0x1FAFF), (0x1F1E6, 0x1F1FF), (0x20000, 0x2A6DF), (0x1D400, 0x1D7FF)),
)
NUMBER = 2_000
NEWER = "\u061d"  # punctuation since Unicode 14, of which the original does not know yet


def odd_texts() -> list[str]:
    """Return the strings; all are assigned characters, so that Unicode versions agree on them."""
    drawn = random.Random(7)
    texts = list(STRINGS)
    while len(texts) < NUMBER:
        parts = []
        for _ in range(drawn.randint(1, 8)):
            if drawn.random() < 0.3:
                parts.append(drawn.choice(WORDS))
            else:
                first, last = drawn.choice(RANGES)
                points = (drawn.randint(first, last) for _ in range(drawn.randint(1, 6)))
                parts.append("".join(map(chr, points)))
        text = drawn.choice(("", " ", " ")).join(parts)
        known = all(unicodedata.category(character) not in ("Cn", "Cs") for character in text)
        if known and NEWER not in text:
            texts.append(text)
    return texts
