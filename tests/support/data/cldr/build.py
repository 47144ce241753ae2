"""Rebuild names.json from an unpacked npm package cldr-annotations-full.

npm pack cldr-annotations-full && tar xzf cldr-annotations-full-*.tgz
python tests/support/data/cldr/build.py package
"""

import json
import shutil
import sys
from pathlib import Path

# 22 languages in 19 scripts; each is written in one of its own but for Latin's four.
LANGUAGES = (
    *("en", "de", "vi", "tr"),  # Latin
    *("ru", "el", "hy", "ka", "am", "he", "ar"),
    *("hi", "bn", "ta", "te", "si"),
    *("th", "lo", "km", "my"),  # without spaces
    *("zh", "ja", "ko"),
)
NAMES = 80  # of each language


def names(package: Path, language: str) -> list[str]:
    """The names of every so manieth emoji, spread over all."""
    file = package / "annotations" / language / "annotations.json"
    found = json.loads(file.read_text(encoding="utf-8"))["annotations"]["annotations"]
    drawn = [each["tts"][0] for emoji, each in found.items() if each.get("tts") and len(emoji) < 3]
    drawn = list(dict.fromkeys(drawn))
    return drawn[:: max(1, len(drawn) // NAMES)][:NAMES]


def main(package: Path) -> None:
    """Write names.json and the licence beside this file."""
    here = Path(__file__).parent
    lines = [
        f" {json.dumps(each)}: {json.dumps(names(package, each), ensure_ascii=False)}"
        for each in LANGUAGES
    ]
    (here / "names.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    shutil.copyfile(package / "LICENSE", here / "LICENSE")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
