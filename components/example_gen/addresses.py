"""Addresses as text: a path of this machine, or a URL that fsspec opens. Nothing is read here."""

import posixpath
import re

from schema.errors import InputError

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")
_OF_THIS_MACHINE = ("file", "local")


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
    return scheme(address) in ("http", "https")


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
    return head + posixpath.normpath(f"/{rest}").lstrip("/")


def _halves(address: str) -> tuple[str, str]:
    found = _SCHEME.match(address)
    return (found.group(0), address[found.end() :]) if found else ("", address)
