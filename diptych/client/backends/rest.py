"""A model of TensorFlow Serving, called over REST.

Interface: https://www.tensorflow.org/tfx/serving/api_rest
"""

import base64
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np

from diptych.client.backends import served
from diptych.client.backends.address import Address
from diptych.client.backends.backend import checked
from schema import features, serving_names
from schema.errors import InputError, UnavailableError
from schema.text.messages import excerpt, first_line
from schema.text.untrusted_text import for_people

# A batch of images may take long on a busy server.
TIMEOUT = httpx.Timeout(served.SECONDS_TO_ANSWER, connect=served.SECONDS_TO_CONNECT)
_AWAY = (408, 425, 429, 500, 502, 503, 504)  # statuses that say nothing about the request


class Rest:
    """A `Backend` of a served model.

    Args:
        address: of the model.
        token: sent as a bearer token; None: none is sent.

    Raises:
        InputError: the server cannot be reached, or serves no such model.
    """

    def __init__(self, address: Address, token: str | None):
        self._address = address
        self._client = httpx.Client(
            base_url=address.server,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=TIMEOUT,
            trust_env=not address.is_loopback,  # a proxy has another loopback
        )
        self._model = f"/v1/models/{quote(address.model, safe='')}"
        self._version = served.newest(address, self._versions())
        self.name = served.name(address, self._version)
        self.dim = self._text_embedding([b""], None).shape[1]
        self.digest = served.digest(self, address, self._version)

    def embed_images(self, images: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """Embed encoded images [n]: float32 [n, d], and valid, bool [n]."""
        outputs = self._predict(serving_names.EMBED_IMAGE, serving_names.IMAGE_INPUT, images)
        where = self._address.server
        if not isinstance(outputs, dict) or {*outputs} != {features.EMBEDDING, features.VALID}:
            raise InputError(f"{where}: answers {serving_names.EMBED_IMAGE} with other outputs")
        valid = served.checked_valid(outputs[features.VALID], len(images), where)
        return checked(outputs[features.EMBEDDING], len(images), self.dim, where, valid), valid

    def embed_texts(self, texts: Sequence[bytes]) -> np.ndarray:
        """Embed texts in UTF-8 [n]: float32 [n, d]."""
        return self._text_embedding(texts, self.dim)

    def _text_embedding(self, texts: Sequence[bytes], dim: int | None) -> np.ndarray:
        # The one output of a signature comes without its name.
        outputs = self._predict(serving_names.EMBED_TEXT, serving_names.TEXT_INPUT, texts)
        return checked(outputs, len(texts), dim, self._address.server)

    def _predict(self, signature: str, name: str, values: Sequence[bytes]) -> Any:
        body = {
            "signature_name": signature,
            "inputs": {name: [{"b64": base64.b64encode(value).decode()} for value in values]},
        }
        path = f"{self._model}/versions/{self._version}:predict"
        return self._answer("POST", path, json.dumps(body).encode()).get("outputs")

    def _versions(self) -> list[tuple[int, bool]]:
        """Return the versions of the model, and whether each one is ready."""
        suffix = f"/versions/{self._address.version}" if self._address.version else ""
        answer = self._answer("GET", f"{self._model}{suffix}")
        try:
            return [
                (int(one["version"]), one["state"] == "AVAILABLE")
                for one in answer["model_version_status"]
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{self._address.server}: does not answer as TensorFlow Serving does"
            ) from error

    def _answer(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        server = self._address.server
        try:
            response = self._client.request(method, path, content=body)
        except httpx.HTTPError as error:
            raise UnavailableError(
                f"{server}: cannot be called: {for_people(first_line(error))}"
            ) from error
        try:
            answer = response.json()
        except (ValueError, RecursionError):
            answer = None
        if response.is_success and isinstance(answer, dict):
            return answer
        if response.is_success:
            raise InputError(f"{server}: does not answer as TensorFlow Serving does")
        said = answer.get("error") if isinstance(answer, dict) else None
        detail = excerpt(for_people(str(said)), 200) if said else response.reason_phrase
        kind = UnavailableError if response.status_code in _AWAY else InputError
        raise kind(
            f"{server}: answers with status {response.status_code}: {detail}"
            + served.hint(self._address, response.status_code)
        )
