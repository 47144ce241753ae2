"""The same name in other bytes: composed or decomposed letters, and Windows' backslashes.

macOS writes `é` as two characters where most tables have one, and a file system compares bytes.
"""

import unicodedata
from collections.abc import Collection, Iterator, Mapping
from typing import Final, Literal

from components.example_gen.storage import urls

FORMS: Final[tuple[Literal["NFC"], Literal["NFD"]]] = ("NFC", "NFD")


def folded(name: str) -> str:
    """The name in the one spelling that two names are compared in."""
    return unicodedata.normalize("NFC", name.replace("\\", "/"))


def other_spellings(address: str) -> Iterator[str]:
    """Addresses to try where nothing is at `address`: its last folders and its name spelled anew.

    What stands before a changed part stays as it is: the folder of the data may be of either form.
    """
    head = urls.plain(address)
    seen = {head}
    for path in dict.fromkeys((head, head.replace("\\", "/"))):
        parts = path.split("/")
        for start in reversed(range(len(parts))):
            for form in FORMS:
                tail = unicodedata.normalize(form, "/".join(parts[start:]))
                spelled = "/".join([*parts[:start], tail])
                if spelled not in seen:
                    seen.add(spelled)
                    yield spelled


def find_name(name: str, there: Collection[str]) -> str | None:
    """The name itself if it is there, else the one that differs from it only in its spelling."""
    if name in there:
        return name
    return next((each for each in there if folded(each) == folded(name)), None)


def by_folded(names: Collection[str]) -> Mapping[str, str]:
    """Names by their common spelling; of two with the same one the first."""
    return {folded(each): each for each in reversed(list(names))}
