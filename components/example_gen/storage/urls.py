"""Addresses as text: a path of this machine, or a URL that fsspec opens. Nothing is read here."""

import posixpath
import re
from typing import Final

from schema.errors import InputError

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")
_OF_THIS_MACHINE = ("file", "local")
WEB: Final = ("http", "https")
# Stores that are read. Others of fsspec's run code of the data's choosing (reference, generic), or
# their reads cannot be ended when they hang.
STORES: Final = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "memory")
KNOWN: Final = tuple(f"{each}://" for each in (*WEB, *STORES[:-1]))


def scheme(address: str) -> str:
    """What stands before `://`, in small letters; empty for a path of this machine."""
    found = _SCHEME.match(address)
    name = found.group(1).lower() if found else ""
    return "" if name in _OF_THIS_MACHINE else name


def is_local(address: str) -> bool:
    """Whether the address is a path of this machine."""
    return not scheme(address)


def is_web(address: str) -> bool:
    """Whether the address is of a web server, so that a query may stand behind the path."""
    return scheme(address) in WEB


def check_scheme(address: str) -> None:
    """Raise InputError for a URL of a kind that is not read; the sentence lists the others."""
    kind = scheme(address)
    if kind and kind not in (*WEB, *STORES):
        raise InputError(f"{shown(address)}: {kind}:// is not read; what is: {', '.join(KNOWN)}")


def plain(address: str) -> str:
    """The address without `file://` and without slashes at its end.

    Raises:
        InputError: it is a chain, `zip://a::s3://b`, which no store can list.
    """
    if "::" in address and _SCHEME.match(address):
        raise InputError(f"{shown(address)}: an address of addresses joined by :: is not read")
    found = _SCHEME.match(address)
    if found and is_local(address):
        address = address[found.end() :]
    return address.rstrip("/") or "/"


def host(address: str) -> str:
    """The scheme and the host or bucket of a URL."""
    head, rest = _halves(address)
    return head + re.split("[/?#]", rest, maxsplit=1)[0]


def join(folder: str, relative: str) -> str:
    """The address of `relative` below `folder`; an absolute path or a URL stays as it is."""
    relative = relative.rstrip("/")
    if _SCHEME.match(relative) or relative.startswith("/"):
        return plain(relative)
    return normal(f"{plain(folder).rstrip('/')}/{relative}" if relative else plain(folder))


def parent(address: str) -> str:
    """The folder an address is in."""
    address = plain(address)
    head, rest = _halves(address)
    return head + posixpath.dirname(rest)


def name(address: str) -> str:
    """The last part of an address, without a URL's query."""
    _, rest = _halves(address)
    if is_web(address):
        rest = re.split("[?#]", rest)[0]
    return posixpath.basename(rest.rstrip("/"))


def below(folder: str, address: str) -> str:
    """The part of `address` below `folder`."""
    return address[len(plain(folder).rstrip("/")) + 1 :]


def printable(text: str) -> str:
    r"""The name of a file as text that every encoding has: a byte ff that is no UTF-8 is `\xff`."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def shown(address: str) -> str:
    """The address as people may see it: without password and without a URL's query."""
    head, rest = _halves(address)
    if not head or is_local(address):
        return printable(address)
    if is_web(address):
        rest = re.split("[?#]", rest)[0]
    host, slash, path = rest.partition("/")
    return printable(f"{head}{host.rpartition('@')[2]}{slash}{path}")


def normal(address: str) -> str:
    """The address without `.` and `..` in it."""
    head, rest = _halves(address)
    # Other addresses stay as they are: in a store `a//b` is not `a/b`.
    if not {".", ".."} & set(rest.split("/")):
        return address
    if not head:
        return posixpath.normpath(rest)
    store, _, path = rest.partition("/")  # above a bucket or a host there is only another one
    return (head + store + posixpath.normpath(f"/{path.lstrip('/')}")).rstrip("/")


def _halves(address: str) -> tuple[str, str]:
    found = _SCHEME.match(address)
    return (found.group(0), address[found.end() :]) if found else ("", address)
