"""Hide passwords and tokens in text, and put them into URIs only when these are used.

A config refers to a secret as `${NAME}`, an environment variable. The reference is what is stored
and printed; `expand` puts the value in at the moment of use.
"""

import base64
import functools
import os
import re
from collections.abc import Iterator
from urllib.parse import quote, unquote

from schema.errors import InputError

HIDDEN = "***"
SHORTEST = 6  # characters of a known secret: a shorter one stands in too many other words
REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
SECRET_NAME = re.compile(
    r"PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIAL|PRIVATE|COOKIE|SIGNATURE"
    r"|(API|ACCESS|ACCOUNT|SHARED)_?KEY",
    re.IGNORECASE,
)
# Names that are a secret's only in the query of a URI: `key = ...` says nothing elsewhere.
_QUERY_NAMES = frozenset(("auth", "jwt", "key", "pass", "pwd", "sas", "sig"))
# Named like a secret, and a count, a piece of text, or the place where a secret is.
_NO_SECRET = re.compile(
    r"(TOKENS|_FILE|_PATH|_DIR|_URI|_URL|_ENDPOINT)$|^(START|END|MAX|TOKENIZERS)_", re.I
)
# Whatever stands before the colon: to look for a scheme of any length takes quadratic time.
_URI = re.compile(r"(?<=:)(?P<slashes>(\\?/){2})(?P<rest>[^\s\"<>]+)")
_AUTHORITY_END = re.compile(r"[/?#\\]")
_PORT = re.compile(r"\d*\W*")  # and what a sentence has behind a URI
_NEXT_URI = re.compile(r"(?=[,;|'(\[{][A-Za-z][A-Za-z0-9+.-]{0,30}:\\?/\\?/)")
_ENCODED_URI = re.compile(r"(?i)(?P<slashes>%(25)?3A%(25)?2F%(25)?2F)(?P<rest>[^\s\"<>&/]*)")
_ENCODED_AT = re.compile(r"(?i)%(?:25)?40")
VALUE = re.compile(
    r"(?P<before>[?&;]|(?<![\w.-]))(?P<name>[\w.-]{1,80})"
    r"(?P<equals>=|%3D|(?<=\w)['\"]\s*:\s*['\"])(?P<value>[^\s&;#\"'<>]+)",
    re.IGNORECASE,
)
# A cookie has a name and a value: captions are about cookies, too. The first may be hidden already.
_HEADER = re.compile(
    r"(?i)\b((?:proxy-)?authorization|x-api-key"
    r"|(?:set-)?cookie(?=['\"]?\s*[:=]\s*['\"]?(?:[\w.-]+=|\*\*\*)))"
    r"(['\"]?\s*[:=]\s*)(['\"]?)([^'\"\r\n]+)"
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)(\s+)(?=\S*[\d=])[\w+/.=~-]{8,}")
_remembered: set[str] = set()  # secrets that this process has used


def without_secrets(text: str) -> str:
    """Replace each secret in a text by `***`.

    Hidden are the user info of every URI, values in queries that are named like credentials,
    Authorization and Cookie headers, what `expand` put in and `remember` was given, and the values
    of environment variables that are named like a secret, also percent-encoded or in base64.
    """
    known = _known()
    if known is not None:
        text = known.sub(HIDDEN, text)
    if "//" in text or "/\\/" in text:
        text = _URI.sub(_without_user_info, text)
    if "%" in text:
        text = _ENCODED_URI.sub(_without_encoded_user_info, text)
    text = VALUE.sub(_without_value, text)
    text = _HEADER.sub(rf"\1\2\3{HIDDEN}", text)
    return _BEARER.sub(rf"\1\2{HIDDEN}", text)


def expand(uri: str) -> str:
    """Replace each `${NAME}` by the value of that environment variable.

    In user info and in a query the value is percent-encoded, so that the variable holds the plain
    password; elsewhere it is put in as it is. Never call it with text from data or a server, which
    could ask for any variable.

    Args:
        uri: a whole string of the config.

    Raises:
        InputError: a variable is not set.
    """

    def value(reference: re.Match[str]) -> str:
        name = reference.group(1)
        if name not in os.environ:
            shown = without_secrets(uri)
            raise InputError(f"{shown}: set the environment variable {name}, which it refers to")
        given = os.environ[name]
        return quote(given, safe="") if _must_be_encoded(uri, reference.start()) else given

    expanded = REFERENCE.sub(value, uri)
    remember(*_secrets_in(expanded))
    return expanded


def remember(*secrets: str | None) -> None:
    """Have further secrets hidden, such as a cookie, that are in no URI and no variable."""
    _remembered.update(filter(None, secrets))


def user_info(rest: str) -> str:
    """Return the user info in the text behind `://`; empty if there is none.

    A password may hold `@`, `/` and `:` although it should not, so the last `@` counts where the
    part up to the first slash has an `@` or is no host with a port.
    """
    authority = _AUTHORITY_END.split(rest, maxsplit=1)[0]
    port = authority.rpartition(":")[2]
    if "@" in authority or (":" in authority and not (port.isdecimal() or "]" in port)):
        return rest.rpartition("@")[0]
    return ""


def is_credential(name: str, in_query: bool) -> bool:
    """Whether a variable, an option or a value in a query is named like a secret."""
    name = name.replace("-", "_")
    if _NO_SECRET.search(name):
        return False
    return bool(SECRET_NAME.search(name)) or (in_query and name.lower() in _QUERY_NAMES)


def _without_user_info(match: re.Match[str]) -> str:
    return match["slashes"] + "".join(map(_hide_user_info, _NEXT_URI.split(match["rest"])))


def _hide_user_info(piece: str) -> str:
    head, slashes, rest = piece.rpartition("://") if "://" in piece else ("", "", piece)
    hidden = user_info(rest)
    if hidden:
        return f"{head}{slashes}{HIDDEN}{rest[len(hidden) :]}"
    authority = _AUTHORITY_END.split(rest, maxsplit=1)[0]
    host, colon, port = authority.partition(":")
    if not colon or host.startswith("[") or _PORT.fullmatch(port):
        return piece
    return f"{head}{slashes}{host}:{HIDDEN}{rest[len(authority) :]}"  # cut off before its `@`


def _without_encoded_user_info(match: re.Match[str]) -> str:
    *_, last = [None, *_ENCODED_AT.finditer(match["rest"])]
    return match[0] if last is None else match["slashes"] + HIDDEN + match["rest"][last.start() :]


def _without_value(match: re.Match[str]) -> str:
    if not is_credential(match["name"], in_query=match["before"] in tuple("?&;")):
        return match[0]
    return f"{match['before']}{match['name']}{match['equals']}{HIDDEN}"


def _must_be_encoded(uri: str, place: int) -> bool:
    """Whether a place in a URI is in its user info or its query."""
    _, slashes, rest = uri[:place].partition("://")
    if not slashes:
        return False
    here = re.split(r"[/?#]", uri[place:], maxsplit=1)[0]
    return "?" in rest or ("/" not in rest and "@" in here)


def _secrets_in(uri: str) -> set[str]:
    """Return the password of a URI and the secrets in its query, as written and decoded."""
    password = user_info(uri.partition("://")[2]).partition(":")[2]
    values = [match["value"] for match in VALUE.finditer(uri) if is_credential(match["name"], True)]
    return {form for value in (password, *values) for form in (value, unquote(value)) if form}


def _known() -> re.Pattern[str] | None:
    """Return a pattern of all secrets that this process knows; None: it knows none."""
    of_variables = (_secrets_of_variable(*variable) for variable in os.environ.items())
    return _pattern(frozenset(_remembered.union(*of_variables)))


@functools.lru_cache(maxsize=1000)
def _secrets_of_variable(name: str, value: str) -> frozenset[str]:
    # Where a folder may not be entered, pathlib would raise.
    names_a_file = value.startswith("/") and os.path.exists(value)  # noqa: PTH110
    if is_credential(name, in_query=False) and not names_a_file:
        return frozenset((value,))
    return frozenset(_secrets_in(value) if "://" in value else ())


@functools.lru_cache(maxsize=8)
def _pattern(secrets: frozenset[str]) -> re.Pattern[str] | None:
    forms: set[str] = set()
    for secret in secrets:
        if len(secret) >= SHORTEST:
            once = quote(secret, safe="")
            written = (secret, once, quote(secret), quote(once, safe=""))
            forms |= {*map(re.escape, written), *_in_base64(secret)}
    if not forms:
        return None
    return re.compile("|".join(sorted(forms, key=len, reverse=True)), re.IGNORECASE)


def _in_base64(secret: str) -> Iterator[str]:
    """Yield patterns of a text in base64, whatever stands before and behind it."""
    raw = secret.encode("utf-8", "surrogateescape")
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        whole = (before + len(raw)) * 8 // 6  # characters that what follows cannot change
        part = encoded[-(-before * 8 // 6) : whole]
        if len(part) >= SHORTEST:
            # The characters beside it hold bits of the text, too.
            for form in (part, part.replace("+", "-").replace("/", "_")):
                yield f"[A-Za-z0-9+/_-]?{re.escape(form)}[A-Za-z0-9+/_-]?"
