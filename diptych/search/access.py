"""Decide who may send requests: the token, and the names that the server answers for.

A page of another site could have its own name resolve to this machine (DNS rebinding) or send
forms to it. Both are seen in the headers that a browser sends and a page cannot change.
"""

import hmac
import ipaddress
import secrets
import socket
from pathlib import Path

from schema.errors import InputError

SHORTEST_TOKEN, LONGEST_TOKEN = 16, 512
_IN_TOKENS = frozenset("-._~+/=ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")


class Access:
    """The token and the host names of a server.

    Args:
        host: the address that it listens at.
        token: that requests must have; None: they need none.
    """

    def __init__(self, host: str, token: str | None):
        self.token = token
        names = {"localhost", "127.0.0.1", "::1", host.lower()}
        self._any_address = not is_loopback(host)  # rebinding takes a name, not an address
        if self._any_address:
            names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
        self._names = frozenset(names)

    def is_own_name(self, host: str) -> bool:
        """Whether a Host header ('localhost:8600') names this server; its port may be another's."""
        name = _without_port(host)
        if name in self._names:
            return True
        return self._any_address and _address(name) is not None

    def is_token(self, given: str) -> bool:
        """Whether this is the token; compared in constant time."""
        if self.token is None:
            return True
        return hmac.compare_digest(given.encode(errors="replace"), self.token.encode())


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def make_token() -> str:
    """Draw a token that cannot be guessed."""
    return secrets.token_urlsafe(24)


def read_token(file: Path) -> str:
    """Read the token in a file.

    Raises:
        InputError: the file cannot be read, or what it holds is too short to be a token.
    """
    try:
        with file.open("rb") as opened:
            text = opened.read(LONGEST_TOKEN + 8).decode("ascii", "replace").strip()
    except OSError as error:
        raise InputError(f"{file}: the token cannot be read: {error.strerror}") from error
    if not SHORTEST_TOKEN <= len(text) <= LONGEST_TOKEN or not _IN_TOKENS.issuperset(text):
        raise InputError(
            f"{file}: a token has {SHORTEST_TOKEN} to {LONGEST_TOKEN} characters, letters, digits "
            "and -._~+/= only"
        )
    return text


def _without_port(host: str) -> str:
    name = host.strip().lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.rpartition(":")[0] if ":" in name else name


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
