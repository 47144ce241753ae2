"""Which web hosts may be requested, by name and by the address that the name resolves to."""

import dataclasses
import ipaddress
import re
import urllib.parse
from collections.abc import Iterable

PORTS = {"http": 80, "https": 443}
# Addresses of IPv4 inside those of IPv6, which a network may translate: RFC 6052.
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
_ENTRY = re.compile(
    r"(?P<scheme>https?)://(\*\.(?P<suffix>[\w.-]+)|(?P<name>\*|[\w.-]+|\[[\da-f:.]+\]))"
    r"(:(?P<port>\d{1,5}))?/?",
    re.IGNORECASE,
)


@dataclasses.dataclass(frozen=True)
class HostPattern:
    """One host, or with `below` every public host whose name ends in `name`.

    Attributes:
        scheme: http or https; http is good for https on the usual port, too.
        name: in small letters; empty with `below`: every public host.
        port: of the host.
        below: whether it stands for many, none of which may be of an internal network.
    """

    scheme: str
    name: str
    port: int
    below: bool

    @classmethod
    def of(cls, entry: str) -> "HostPattern":
        """Parse `https://host`, `http://host:8080`, `https://*.host` or `https://*`.

        Raises:
            ValueError: it is something else.
        """
        match = _ENTRY.fullmatch(entry)
        if match is None:
            raise ValueError(
                "of a web address only the host is named: https://images.example.com, "
                "https://*.example.com, or https://* for every public host"
            )
        scheme, name = match["scheme"].lower(), (match["suffix"] or match["name"]).strip("[]")
        many = bool(match["suffix"]) or name == "*"
        name = "" if name == "*" else _bare(name)
        return cls(scheme, name, int(match["port"] or PORTS[scheme]), many)

    @classmethod
    def at(cls, url: str) -> "HostPattern":
        """Return the host of a URL.

        Raises:
            ValueError: it has none.
        """
        parts = urllib.parse.urlsplit(url)
        port = parts.port or PORTS[parts.scheme]
        return cls(parts.scheme, _bare(parts.hostname or ""), port, below=False)

    def fits(self, scheme: str, name: str, port: int) -> bool:
        """Return whether a host is one of those; `name` is as `_bare` returns it."""
        upgraded = (self.scheme, self.port, scheme, port) == ("http", 80, "https", 443)
        if not upgraded and (scheme, port) != (self.scheme, self.port):
            return False
        if self.below:
            return not self.name or name.endswith(f".{self.name}")
        return name == self.name


@dataclasses.dataclass(frozen=True)
class Hosts:
    """The hosts that may be requested."""

    patterns: tuple[HostPattern, ...] = ()

    @classmethod
    def of(cls, own: Iterable[str], entries: Iterable[str]) -> "Hosts":
        """Those of some URLs, and those that entries of `data.allow` name."""
        patterns = [*map(HostPattern.at, own), *map(HostPattern.of, entries)]
        return cls(tuple(dict.fromkeys(patterns)))

    def is_named(self, scheme: str, name: str, port: int) -> bool:
        """Return whether a host is named itself, so that it may be of an internal network."""
        name = _bare(name)
        return any(
            not pattern.below and pattern.fits(scheme, name, port) for pattern in self.patterns
        )

    def allows(self, scheme: str, name: str, port: int) -> bool:
        """Return whether a host may be requested, as far as its name says."""
        if self.is_named(scheme, name, port):
            return True
        name = _bare(name)
        known = any(pattern.below and pattern.fits(scheme, name, port) for pattern in self.patterns)
        return known and not is_internal(name)

    def allows_address(self, name: str, port: int, address: str) -> bool:
        """Return whether the address of a name may be requested, over http or https."""
        named = any(self.is_named(scheme, name, port) for scheme in PORTS)
        return named or not is_internal(address)


def is_internal(host: str) -> bool:
    """Return whether a host is this machine or of its network, as far as its name says so."""
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        inside = address.ipv4_mapped or address.sixtofour
        if address in _TRANSLATED:
            inside = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inside is not None:
            return is_internal(str(inside))
    return not address.is_global or address.is_multicast


def _bare(name: str) -> str:
    return name.lower().rstrip(".")
