"""Stands in for `tensorflow_model_server`, which cannot be installed where the tests run.

It takes the flags we pass, reads the same model config file, loads the SavedModels with
TensorFlow, replays their warm-up requests and speaks the documented REST interface (status and
predict in the columnar format, errors as {"error": ...}):
https://www.tensorflow.org/tfx/serving/api_rest, and the same two calls over gRPC by the stubs of
tensorflow-serving-api. What it cannot show is how the real program treats its flags, how many
digits it prints, or which ops it has linked in.
"""

import argparse
import base64
import json
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import grpc
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers ops
from google.protobuf import text_format
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_log_pb2,
    prediction_service_pb2_grpc,
)
from tensorflow_serving.config import model_server_config_pb2


def load(config_file: str) -> dict[tuple[str, int], Any]:
    """Signatures by name and version, of every model of the config; warmed up."""
    config = text_format.Parse(
        Path(config_file).read_text(), model_server_config_pb2.ModelServerConfig()
    )
    loaded = {}
    for each in config.model_config_list.config:
        assert each.model_platform == "tensorflow"
        for version in each.model_version_policy.specific.versions:
            folder = Path(each.base_path, str(version))
            model = tf.saved_model.load(str(folder))
            loaded[each.name, version] = model
            file = folder / "assets.extra" / "tf_serving_warmup_requests"
            for record in tf.data.TFRecordDataset([str(file)]).as_numpy_iterator():
                request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
                given = {name: tf.make_ndarray(t) for name, t in request.inputs.items()}
                predict(model, request.model_spec.signature_name, given)
    return loaded


def predict(model: Any, signature: str, given: dict[str, Any]) -> Any:
    """The value of "outputs": by name, or the one value if there is only one."""
    outputs = call(model, signature, given)
    values = {name: value.numpy().tolist() for name, value in outputs.items()}
    return values if len(values) > 1 else next(iter(values.values()))


def call(model: Any, signature: str, given: dict[str, Any]) -> dict[str, Any]:
    tensors = {name: tf.constant(value, tf.string) for name, value in given.items()}
    return model.signatures[signature](**tensors)


def versions_of(models: dict[tuple[str, int], Any], name: str, version: int | None) -> list[int]:
    """The loaded versions of a model, or the one that is wanted, if it is loaded."""
    loaded = [number for model, number in models if model == name]
    return [number for number in loaded if version in (None, number)]


class Grpc(
    prediction_service_pb2_grpc.PredictionServiceServicer,
    model_service_pb2_grpc.ModelServiceServicer,
):
    def __init__(self, models: dict[tuple[str, int], Any]):
        self._models = models

    def Predict(self, request, context):
        spec = request.model_spec
        model = self._models.get((spec.name, spec.version.value))
        if model is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Servable not found: {spec.name}")
        given = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        response = predict_pb2.PredictResponse()
        for name, value in call(model, spec.signature_name, given).items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(value.numpy()))
        return response

    def GetModelStatus(self, request, context):
        spec = request.model_spec
        wanted = spec.version.value if spec.HasField("version") else None
        versions = versions_of(self._models, spec.name, wanted)
        if not versions:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Could not find any versions of {spec.name}")
        response = get_model_status_pb2.GetModelStatusResponse()
        for version in versions:
            status = response.model_version_status.add()
            status.version, status.state = version, status.AVAILABLE
        return response


def serve_grpc(models: dict[tuple[str, int], Any], port: int) -> grpc.Server:
    unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.server(ThreadPoolExecutor(2), options=unlimited)
    service = Grpc(models)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(service, server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(service, server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server


class Handler(BaseHTTPRequestHandler):
    models: dict[tuple[str, int], Any]

    def do_GET(self):
        _, _, _, name, *rest = self.path.split("/")
        versions = versions_of(self.models, name, int(rest[1]) if rest else None)
        if not versions:
            return self.reply(404, {"error": f"Could not find any versions of model {name}"})
        state = {"error_code": "OK", "error_message": ""}
        statuses = [{"version": str(v), "state": "AVAILABLE", "status": state} for v in versions]
        return self.reply(200, {"model_version_status": statuses})

    def do_POST(self):
        path, _, verb = self.path.rpartition(":")
        _, _, _, name, _, version = path.split("/")
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert verb == "predict"
        given = {
            key: [base64.b64decode(value["b64"]) for value in values]
            for key, values in body["inputs"].items()
        }
        model = self.models[name, int(version)]
        self.reply(200, {"outputs": predict(model, body["signature_name"], given)})

    def reply(self, status: int, body: dict[str, Any]) -> None:
        encoded = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rest_api_port", type=int, required=True)
    parser.add_argument("--model_config_file", required=True)
    told = parser.parse_args()
    Handler.models = load(told.model_config_file)
    server = serve_grpc(Handler.models, told.port)
    HTTPServer(("127.0.0.1", told.rest_api_port), Handler).serve_forever()
    server.stop(0)


if __name__ == "__main__":
    main()
