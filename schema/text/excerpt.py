"""Long values in sentences for people: their beginning and their end."""

VALUE, SENTENCE = 80, 1000  # characters, at most


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
