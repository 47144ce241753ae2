"""The URL of a model on a server: `http://host:8501/v1/models/emoji`, `grpc://host:8500/emoji`."""

import dataclasses
import re
from urllib.parse import unquote, urlsplit

from schema.errors import InputError
from schema.text.untrusted_text import for_people

SCHEMES = ("http", "https", "grpc", "grpcs")
PORTS = {"http": 8501, "https": 443, "grpc": 8500, "grpcs": 443}
DEFAULT_MODEL = "default"  # how TensorFlow Serving calls a model that it was given without a name
_PATH = re.compile(r"/?(?:(?:v1/models/)?([^/]+)(?:/versions/(\d{1,18}))?/?)?")
_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1")


@dataclasses.dataclass(frozen=True)
class Address:
    """Where a model is served.

    Attributes:
        scheme: one of `SCHEMES`.
        host: name or address.
        port: of the server.
        model: its name there.
        version: of the model; None: the newest that is served.
        named: whether the URL names the model.
    """

    scheme: str
    host: str
    port: int
    model: str
    version: int | None
    named: bool

    @property
    def server(self) -> str:
        """The URL without a model."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether the server is on this machine."""
        return bool(_LOOPBACK.fullmatch(self.host))


def is_url(source: str) -> bool:
    """Return whether a source is a URL rather than a path."""
    return "://" in source


def parse(url: str) -> Address:
    """Parse the URL of a served model.

    Raises:
        InputError: it is not one; says what one looks like.
    """
    shown = for_people(url)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InputError(f"{shown}: is not a URL: {error}") from error
    if parts.scheme not in SCHEMES:
        raise InputError(f"{shown}: a served model has a URL of {', '.join(SCHEMES)}")
    if not host:
        raise InputError(f"{shown}: names no host")
    if parts.username is not None or parts.query or parts.fragment:
        raise InputError(f"{shown}: takes no user, query or fragment; give a secret as `token`")
    match = _PATH.fullmatch(parts.path)
    if match is None:
        raise InputError(
            f"{shown}: its path names no model; write {parts.scheme}://{parts.netloc}"
            "/v1/models/NAME or .../NAME/versions/N"
        )
    return Address(
        scheme=parts.scheme,
        host=host,
        port=port or PORTS[parts.scheme],
        model=unquote(match[1]) if match[1] else DEFAULT_MODEL,
        version=int(match[2]) if match[2] else None,
        named=bool(match[1]),
    )
