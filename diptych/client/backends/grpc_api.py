"""A model of TensorFlow Serving, called over gRPC.

Interface: the protocol buffers of the package tensorflow-serving-api.
"""

from collections.abc import Sequence
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from diptych.client.backends import served
from diptych.client.backends.address import Address
from diptych.client.backends.backend import checked
from schema import features, serving_names
from schema.errors import InputError, UnavailableError
from schema.text.messages import excerpt
from schema.text.untrusted_text import for_people

# Batches of images are larger than gRPC's default of 4 MiB.
_OPTIONS = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
_AWAY = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.CANCELLED,
)
_HTTP_STATUS = {
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
}


class Grpc:
    """A `Backend` of a served model.

    Args:
        address: of the model.
        token: sent as a bearer token; None: none is sent.

    Raises:
        InputError: the server cannot be reached, or serves no such model.
    """

    def __init__(self, address: Address, token: str | None):
        self._address = address
        target = address.server.partition("://")[2]
        options = [*_OPTIONS, ("grpc.enable_http_proxy", 0)] if address.is_loopback else _OPTIONS
        channel = (
            grpc.secure_channel(target, grpc.ssl_channel_credentials(), options)
            if address.scheme == "grpcs"
            else grpc.insecure_channel(target, options)
        )
        self._metadata = [("authorization", f"Bearer {token}")] if token else []
        self._predictions = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(channel)
        self._version = served.newest(address, self._versions())
        self.name = served.name(address, self._version)
        self.dim = self._text_embedding([b""], None).shape[1]
        self.digest = served.digest(self, address, self._version)

    def embed_images(self, images: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """Embed encoded images [n]: float32 [n, d], and valid, bool [n]."""
        outputs = self._predict(serving_names.EMBED_IMAGE, serving_names.IMAGE_INPUT, images)
        where = self._address.server
        valid = served.checked_valid(outputs.get(features.VALID), len(images), where)
        return checked(outputs.get(features.EMBEDDING), len(images), self.dim, where, valid), valid

    def embed_texts(self, texts: Sequence[bytes]) -> np.ndarray:
        """Embed texts in UTF-8 [n]: float32 [n, d]."""
        return self._text_embedding(texts, self.dim)

    def _text_embedding(self, texts: Sequence[bytes], dim: int | None) -> np.ndarray:
        outputs = self._predict(serving_names.EMBED_TEXT, serving_names.TEXT_INPUT, texts)
        return checked(outputs.get(features.EMBEDDING), len(texts), dim, self._address.server)

    def _predict(self, signature: str, name: str, values: Sequence[bytes]) -> dict[str, np.ndarray]:
        request = predict_pb2.PredictRequest()
        request.model_spec.name = self._address.model
        request.model_spec.version.value = self._version
        request.model_spec.signature_name = signature
        request.inputs[name].CopyFrom(tf.make_tensor_proto(list(values), tf.string, [len(values)]))
        response = self._call(self._predictions.Predict, request)
        return {key: tf.make_ndarray(tensor) for key, tensor in response.outputs.items()}

    def _versions(self) -> list[tuple[int, bool]]:
        """Return the versions of the model, and whether each one is ready."""
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = self._address.model
        if self._address.version is not None:
            request.model_spec.version.value = self._address.version
        ready = get_model_status_pb2.ModelVersionStatus.AVAILABLE
        answer = self._call(self._models.GetModelStatus, request)
        return [(one.version, one.state == ready) for one in answer.model_version_status]

    def _call(self, method: Any, request: Any) -> Any:
        server = self._address.server
        try:
            return method(request, timeout=served.SECONDS_TO_ANSWER, metadata=self._metadata)
        except grpc.RpcError as error:
            code = error.code()
            detail = excerpt(for_people(error.details() or code.name), 200)
            if code in _AWAY:
                raise UnavailableError(f"{server}: cannot be called: {detail}") from error
            raise InputError(
                f"{server}: answers with {code.name}: {detail}"
                + served.hint(self._address, _HTTP_STATUS.get(code, 0))
            ) from error
