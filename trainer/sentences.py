"""What is wrong with a config, in sentences that name the key. Free of TensorFlow."""

from typing import Any

from pydantic import BaseModel, ValidationError

from trainer.known_keys import keys_of, nearest


def sentences(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """What is wrong with a config of a model, a sentence for each key."""
    found = [_sentence(each, model) for each in error.errors() if each["type"] != "too_short"]
    # A list is also called too short when one of its items was refused.
    return found or [_sentence(each, model) for each in error.errors()]


def _sentence(error: Any, model: type[BaseModel]) -> str:
    where = ".".join(keys_of(model, error["loc"]))
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
        return f"{where}.{tag} = {given!r} is none of {error['ctx']['expected_tags']}"
    if error["type"] == "value_error":
        return f"{where}: {message}" if where else message
    return f"{where} = {error['input']!r}: {message[0].lower()}{message[1:]}"
