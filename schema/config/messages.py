"""What is wrong with a config, in sentences that name the key. Free of TensorFlow."""

from typing import Any

from pydantic import BaseModel, ValidationError

from schema.config.known_keys import keys_of, nearest
from schema.text.excerpt import SENTENCE, excerpt, excerpt_of
from schema.text.messages import number_of

MOST = 5  # mistakes that are described


def sentences(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """What is wrong with a config of a model, a sentence for each key; of many, the first ones."""
    errors = error.errors(include_url=False)
    # A list is also called too short when one of its items was refused.
    named = [each for each in errors if each["type"] != "too_short"] or errors
    written = (_sentence(each, model).replace("\n", "\\n") for each in named[:MOST])
    found = [excerpt(each, SENTENCE) for each in written]
    more = len(named) - MOST
    return [*found, f"and {number_of(more, 'more mistake')}"] if more > 0 else found


def _sentence(error: Any, model: type[BaseModel]) -> str:
    where = ".".join(map(excerpt, keys_of(model, error["loc"])))
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        meant = nearest(model, error["loc"])
        return f"{where} is no key of the config" + (f"; the nearest is {meant}" if meant else "")
    if error["type"] == "missing":
        return f"{where} is missing"
    if error["type"] == "union_tag_not_found":
        tag = error["ctx"]["discriminator"].strip("'")
        return f"{where}.{tag} is missing"
    if error["type"] == "union_tag_invalid":
        tag, given = error["ctx"]["discriminator"].strip("'"), error["ctx"]["tag"]
        return f"{where}.{tag} = {excerpt_of(given)} is none of {error['ctx']['expected_tags']}"
    if error["type"] == "value_error":
        return f"{where}: {message}" if where else message
    return f"{where} = {excerpt_of(error['input'])}: {message[0].lower()}{message[1:]}"
