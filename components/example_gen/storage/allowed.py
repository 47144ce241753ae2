"""Where files may be that the data names: below its own folder, or where the config allows.

A table or a folder from elsewhere must not decide what is read of this machine or its network.
"""

import dataclasses
import os
from typing import Annotated

from pydantic import Field

from components.example_gen.storage import urls
from components.example_gen.storage.errors import OutsideError
from components.example_gen.storage.urls import plain, shown
from components.example_gen.storage.web_hosts import PORTS, HostPattern, Hosts
from schema.config.section import Frozen
from schema.errors import InputError

_FOLDERS = 4096  # whose resolved links are remembered
_ALIASES = {"s3a": "s3", "gcs": "gs"}


Seconds = Annotated[float, Field(gt=0)]


class TimeoutsConfig(Frozen):
    """Seconds after which the file of an image is given up: its record is `timed_out`."""

    connect: Seconds = 10
    """Until its server or store has answered."""
    read: Seconds = 10
    """Without a byte."""
    record: Seconds = 30
    """Until all of it has arrived."""


@dataclasses.dataclass(frozen=True)
class Allowed:
    """Places that the config names.

    Attributes:
        own: `data.path`, and what globs name above their first wildcard.
        named: entries of `data.allow`.
    """

    own: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    _resolved: dict[str, str] = dataclasses.field(default_factory=dict, compare=False, repr=False)

    @property
    def hosts(self) -> Hosts:
        """The web hosts among them."""
        return Hosts.of(filter(urls.is_web, self.own), filter(urls.is_web, self.named))

    def check(self, address: str) -> None:
        """Raise an error for what lies elsewhere, or for a link that leads elsewhere.

        Raises:
            OutsideError: it does; the sentence says what to name in `data.allow`.
            InputError: it is a URL of a kind that is not read.
        """
        address = plain(address)
        urls.check_scheme(address)
        if urls.is_web(address):
            self._check_host(address)
        elif urls.is_local(address):
            real = self._real(address)
            roots = [self._folder(place) for place in self._places if urls.is_local(place)]
            if not any(_is_below(real, root) for root in roots):
                via = "" if real == os.path.abspath(address) else f" leads to {shown(real)}, which"
                raise _outside(f"{shown(address)}{via}", urls.parent(real))
        elif not any(_is_in_store(address, root) for root in self._places):
            raise _outside(shown(address), shown(urls.parent(address)))

    def is_own(self, address: str) -> bool:
        """Return whether the config itself names the store or host of an address."""
        if not urls.is_web(address):
            return True
        host = HostPattern.at(address)
        return self.hosts.is_named(host.scheme, host.name, host.port)

    @property
    def _places(self) -> tuple[str, ...]:
        return (*self.own, *self.named)

    def _check_host(self, url: str) -> None:
        try:
            host = HostPattern.at(url)
        except ValueError as error:
            raise InputError(f"{shown(url)}: is not an address") from error
        if not self.hosts.allows(host.scheme, host.name, host.port):
            port = "" if host.port == PORTS[host.scheme] else f":{host.port}"
            raise _outside(shown(url), f"{host.scheme}://{host.name}{port}")

    def _real(self, path: str) -> str:
        """Return where a path leads once links are followed."""
        folder, name = os.path.split(os.path.abspath(path))
        beside = os.path.join(self._folder(folder), name)
        return os.path.realpath(path) if os.path.islink(beside) else beside

    def _folder(self, path: str) -> str:
        # Many images share a folder, and resolving a path takes a system call for each part.
        if path not in self._resolved:
            if len(self._resolved) >= _FOLDERS:
                self._resolved.clear()
            self._resolved[path] = os.path.realpath(plain(path))
        return self._resolved[path]


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(f"{root.rstrip('/')}/")


def _is_in_store(address: str, root: str) -> bool:
    address, root = _canonical(address), _canonical(root)
    # In a store `..` is a name like others, but a server may take it for the folder above.
    return _is_below(address, root) and not {".", ".."} & set(address.split("/"))


def _canonical(address: str) -> str:
    kind = urls.scheme(address)
    rest = plain(address)[len(kind) :]
    return _ALIASES.get(kind, kind) + rest


def _outside(what: str, place: str) -> OutsideError:
    return OutsideError(
        f"{what} lies outside of data.path; if it is to be read, name {place} in data.allow"
    )


@dataclasses.dataclass(frozen=True)
class Access:
    """What may be read, and how long it may take."""

    allowed: Allowed = dataclasses.field(default_factory=Allowed)
    timeouts: TimeoutsConfig = dataclasses.field(default_factory=TimeoutsConfig)

    @classmethod
    def to(cls, address: str) -> "Access":
        """Return access to what a person named, and to every public host it redirects to."""
        own = (urls.host(address),) if urls.is_web(address) else ()
        return cls(Allowed(own, tuple(f"{scheme}://*" for scheme in PORTS)))
