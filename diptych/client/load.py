"""Load a release, or connect to a model that is served."""

from pathlib import Path

from diptych.client.backends import address
from diptych.client.backends.backend import Backend
from diptych.client.release import Release
from schema.errors import InputError
from schema.text import secrets


def load(source: str | Path, token: str | None = None) -> Release:
    """Load a release; see `diptych.load`."""
    if not isinstance(source, str | Path):
        raise InputError(f"a release is given by a path or a URL, not by {type(source).__name__}")
    if isinstance(source, str) and address.is_url(source):
        _check_token(token)
        secrets.remember(token)  # from now on no message shows it
        return Release(_served(source, token), None)
    if token is not None:
        raise InputError(f"{source}: a token is only for the URL of a served model")
    from diptych.client import sources
    from diptych.client.backends.saved_model import SavedModel

    found = sources.find(source)
    model = SavedModel(found.model, found.name, found.manifest.model_digest)
    return Release(model, found.folder)


def _check_token(token: str | None) -> None:
    if token is None:
        return
    if not isinstance(token, str) or not (token.isascii() and token.isprintable()) or not token:
        raise InputError("the token is not a text of ASCII letters, digits and signs")


def _served(url: str, token: str | None) -> Backend:
    parsed = address.parse(url)
    try:
        if parsed.scheme in ("http", "https"):
            from diptych.client.backends.rest import Rest

            return Rest(parsed, token)
        from diptych.client.backends.grpc_api import Grpc

        return Grpc(parsed, token)
    except ImportError as error:
        raise InputError(
            f"{parsed.server}: a served model is called by a library that is not installed "
            f"({error}); install diptych[client]"
        ) from error
