"""Addresses as text: paths of this machine, or URLs that fsspec opens. Nothing is read here."""

import posixpath
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from typing import Final, Literal

from schema.errors import InputError

# macOS writes `é` as two characters, most tables as one, and file systems compare bytes.
FORMS: Final[tuple[Literal["NFC"], Literal["NFD"]]] = ("NFC", "NFD")
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")
_OF_THIS_MACHINE = ("file", "local")
WEB: Final = ("http", "https")
# Stores that are read. Others of fsspec's run code that the data chooses (reference, generic), or
# have reads that cannot be stopped when they hang.
STORES: Final = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "memory")
KNOWN: Final = tuple(f"{scheme_name}://" for scheme_name in (*WEB, *STORES[:-1]))


def scheme(address: str) -> str:
    """Return what precedes `://`, in lower case; empty for a path of this machine."""
    match = _SCHEME.match(address)
    name = match.group(1).lower() if match else ""
    return "" if name in _OF_THIS_MACHINE else name


def is_local(address: str) -> bool:
    """Return whether the address is a path of this machine."""
    return not scheme(address)


def is_web(address: str) -> bool:
    """Return whether the address is of a web server, so that a query may stand behind the path."""
    return scheme(address) in WEB


def check_scheme(address: str) -> None:
    """Raise InputError for a URL of a kind that is not read; the sentence lists the others."""
    kind = scheme(address)
    if kind and kind not in (*WEB, *STORES):
        raise InputError(f"{shown(address)}: {kind}:// is not read; what is: {', '.join(KNOWN)}")


def plain(address: str) -> str:
    """Return the address without `file://` and without slashes at its end.

    Raises:
        InputError: it is a chain, `zip://a::s3://b`, which no store can list.
    """
    if "::" in address and _SCHEME.match(address):
        raise InputError(f"{shown(address)}: an address of addresses joined by :: is not read")
    match = _SCHEME.match(address)
    if match and is_local(address):
        address = address[match.end() :]
    return address.rstrip("/") or "/"


def host(address: str) -> str:
    """Return the scheme and the host or bucket of a URL."""
    head, rest = _halves(address)
    return head + re.split("[/?#]", rest, maxsplit=1)[0]


def join(folder: str, relative: str) -> str:
    """Return the address of `relative` below `folder`; absolute paths and URLs stay."""
    relative = relative.rstrip("/")
    if _SCHEME.match(relative) or relative.startswith("/"):
        return plain(relative)
    return normal(f"{plain(folder).rstrip('/')}/{relative}" if relative else plain(folder))


def parent(address: str) -> str:
    """Return the folder of an address."""
    address = plain(address)
    head, rest = _halves(address)
    return head + posixpath.dirname(rest)


def name(address: str) -> str:
    """Return the last part of an address, without a URL's query."""
    _, rest = _halves(address)
    if is_web(address):
        rest = re.split("[?#]", rest)[0]
    return posixpath.basename(rest.rstrip("/"))


def below(folder: str, address: str) -> str:
    """Return the part of `address` below `folder`."""
    return address[len(plain(folder).rstrip("/")) + 1 :]


def printable(text: str) -> str:
    r"""Return a file's name as valid text: a byte ff that is not UTF-8 becomes `\xff`."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def shown(address: str) -> str:
    """Return the address as people may see it: without password and without a URL's query."""
    head, rest = _halves(address)
    if not head or is_local(address):
        return printable(address)
    if is_web(address):
        rest = re.split("[?#]", rest)[0]
    host, slash, path = rest.partition("/")
    return printable(f"{head}{host.rpartition('@')[2]}{slash}{path}")


def normal(address: str) -> str:
    """Return the address without `.` and `..` in it."""
    head, rest = _halves(address)
    # Other addresses stay as they are: in a store `a//b` is not `a/b`.
    if not {".", ".."} & set(rest.split("/")):
        return address
    if not head:
        return posixpath.normpath(rest)
    store, _, path = rest.partition("/")  # nothing is above a bucket or a host
    return (head + store + posixpath.normpath(f"/{path.lstrip('/')}")).rstrip("/")


def _halves(address: str) -> tuple[str, str]:
    match = _SCHEME.match(address)
    return (match.group(0), address[match.end() :]) if match else ("", address)


def folded(name: str) -> str:
    """Return the name in the one spelling that names are compared in."""
    return unicodedata.normalize("NFC", name.replace("\\", "/"))


def other_spellings(address: str) -> Iterator[str]:
    """Yield other spellings of an address: of its last folders and its name.

    What stands before a changed part stays as it is: the folder of the data may be of either form.
    """
    head = plain(address)
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
    """Return the name if it is there, else one that differs only in its spelling."""
    if name in there:
        return name
    return next((candidate for candidate in there if folded(candidate) == folded(name)), None)


def by_folded(names: Collection[str]) -> Mapping[str, str]:
    """Return names by their common spelling; of two with the same one the first."""
    return {folded(name): name for name in reversed(list(names))}
