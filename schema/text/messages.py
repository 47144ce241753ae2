"""Pieces of sentences for people."""

_IRREGULAR = {"query": "queries"}


def number_of(number: int, what: str) -> str:
    """'1 image', '2,000 images'."""
    return f"{number:,} {plural(number, what)}"


def share(number: int, of: int, what: str) -> str:
    """'1 of 9 records is', '2 of 9 records are'."""
    return f"{number:,} of {number_of(of, what)} {'is' if number == 1 else 'are'}"


def plural(number: int, what: str) -> str:
    """The word for one thing, or for several."""
    if number == 1:
        return what
    first, _, last = what.rpartition(" ")
    return f"{first} {_IRREGULAR.get(last, f'{last}s')}".strip()
