"""Find passwords and tokens that are written out in a config."""

import re
from collections.abc import Iterator

from schema.text.secrets import REFERENCE, VALUE, is_credential, user_info

_VARIABLES = "variables"  # the key of environment variables that a config sets
_LONGEST_KEY = 80  # characters of a key in a sentence


def literal_secrets(values: object) -> Iterator[str]:
    """Yield a sentence for each password or token that is written out in a config.

    Args:
        values: as YAML has them: mappings, lists, texts.

    Yields:
        A sentence that names the key and never holds the secret.
    """
    pending: list[tuple[tuple[str, ...], object]] = [((), values)]
    seen: set[int] = set()  # YAML's aliases may make a mapping hold itself
    while pending:
        path, value = pending.pop()
        if isinstance(value, str):
            secret = _secret(value) or _secret_variable(path, value)
            if secret is not None:
                what, suffix = secret
                variable = "${" + f"{_variable(path)}_{suffix}" + "}"
                key = ".".join(path)
                yield f"{key}: holds {what}; write {variable} in its place and set this variable"
        elif isinstance(value, dict | list) and id(value) not in seen:
            seen.add(id(value))
            inner = value.items() if isinstance(value, dict) else enumerate(value)
            named = [((*path, str(key)[:_LONGEST_KEY]), inner_value) for key, inner_value in inner]
            pending += reversed(named)


def _secret(text: str) -> tuple[str, str] | None:
    """Return what kind of secret a URI or an option of Beam holds, and a name for its variable."""
    scheme, slashes, rest = text.partition("://")
    name, colon, password = user_info(rest).partition(":")
    if password and not REFERENCE.fullmatch(password):
        return "a password", "PASSWORD"
    # On the web a token is often given as the user.
    if name and not colon and scheme in ("http", "https") and not REFERENCE.fullmatch(name):
        return "a user name or token", "TOKEN"
    option = re.match(r"--(?P<name>[\w.-]{1,80})=(?P<value>.+)", text, re.DOTALL)
    matches = [option] if option else VALUE.finditer(text) if slashes else ()
    for match in matches:
        credential = is_credential(match["name"], in_query=option is None)
        if credential and not REFERENCE.fullmatch(match["value"]):
            return f"a value of {match['name']}", "TOKEN"
    return None


def _secret_variable(path: tuple[str, ...], value: str) -> tuple[str, str] | None:
    if path[-2:-1] != (_VARIABLES,) or not is_credential(path[-1], in_query=False):
        return None
    return None if REFERENCE.fullmatch(value) else ("a secret", path[-1].upper())


def _variable(path: tuple[str, ...]) -> str:
    section = "registry" if path[-1:] == ("registry_uri",) else path[0] if path else "config"
    return re.sub(r"\W", "_", section, flags=re.ASCII).upper()
