"""Pieces of messages for people: counted things, and excerpts of long values."""

VALUE, SENTENCE = 80, 1000
"""Most characters of an excerpt of a value, and of a whole sentence."""
_IRREGULAR = {"query": "queries"}


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message; of one without a message, the error's name."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def number_of(number: int, what: str) -> str:
    """Write a number with its noun: '1 image', '2,000 images'."""
    return f"{number:,} {plural(number, what)}"


def share(number: int, of: int, what: str) -> str:
    """Write a share with its verb: '1 of 9 records is', '2 of 9 records are'."""
    return f"{number:,} of {number_of(of, what)} {'is' if number == 1 else 'are'}"


def plural(number: int, what: str) -> str:
    """Return the singular or the plural of a noun."""
    if number == 1:
        return what
    first, _, last = what.rpartition(" ")
    return f"{first} {_IRREGULAR.get(last, f'{last}s')}".strip()


def excerpt(text: str, most: int = VALUE) -> str:
    """Cut the middle out of a text.

    Args:
        text: of any length.
        most: characters that are kept, with the three dots in place of the rest.
    """
    if len(text) <= most:
        return text
    end = most // 4
    return f"{text[: most - end - 3]}...{text[len(text) - end :]}"


def excerpt_of(value: object, most: int = VALUE) -> str:
    """Cut the middle out of how Python writes a value."""
    if isinstance(value, str):  # however long, only its ends are written
        value = excerpt(value, most - 2)
    return excerpt(repr(value), most)
