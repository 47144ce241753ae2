"""What the clients of a model server share: which version they call, and what it is named."""

import hashlib
import io

import numpy as np
from PIL import Image

from diptych.client.backends.address import Address
from diptych.client.backends.backend import Backend
from schema.errors import InputError, UnavailableError

SECONDS_TO_CONNECT, SECONDS_TO_ANSWER = 10.0, 120.0
_ROUNDED = 3  # digits of the values that tell models apart; the last bits may differ between calls
_REFUSED = (401, 403)
_UNKNOWN = 404


def newest(address: Address, versions: list[tuple[int, bool]]) -> int:
    """Return the version to call: the one of the URL, or the newest that is ready.

    It stays the same as long as the client lives, so that embeddings of two models never meet.

    Raises:
        UnavailableError: no version is ready.
    """
    ready = [version for version, is_ready in versions if is_ready]
    if address.version is not None:
        ready = [version for version in ready if version == address.version]
    if not ready:
        which = "is ready" if address.version is None else f"{address.version} is ready"
        raise UnavailableError(f"{address.server}: no version {which} of the model {address.model}")
    return max(ready)


def name(address: Address, version: int) -> str:
    """Return the name of a served model: a release's models have its number as version."""
    return f"{address.model} release {version}"


def digest(model: Backend, address: Address, version: int) -> str:
    """Return a digest of where a model is served and what it answers with.

    A server does not say which files it loaded. Another model under the same name and version has
    other embeddings, so two of them are part of the digest.
    """
    embeddings, _ = model.embed_images([_image()])
    answers = np.concatenate([embeddings, model.embed_texts([b"a red apple"])])
    rounded = np.round(answers, _ROUNDED) + 0.0  # no negative zero
    place = f"{address.server}/{address.model}/{version}\n"
    return hashlib.sha256(place.encode() + rounded.astype(np.float32).tobytes()).hexdigest()


def checked_valid(valid: object, count: int, where: str) -> np.ndarray:
    """Return which images could be decoded, bool [count].

    Raises:
        InputError: the answer is something else.
    """
    array = np.asarray(valid)
    if array.shape != (count,) or array.dtype != bool:
        raise InputError(f"{where}: does not answer which images it could decode")
    return array


def hint(address: Address, status: int) -> str:
    """Return what to do about an HTTP status, to be put behind the sentence; may be empty."""
    if status in _REFUSED:
        return "; give the server's secret as `token`"
    if status == _UNKNOWN and not address.named:
        return (
            f"; name the model: {address.server}/NAME, where NAME is the name of the config that "
            "made the release"
        )
    return ""


def _image() -> bytes:
    ramp = np.linspace(0, 255, 16 * 16 * 3).astype(np.uint8).reshape(16, 16, 3)
    out = io.BytesIO()
    Image.fromarray(ramp).save(out, "png")
    return out.getvalue()
