"""Warm-up requests: TensorFlow Serving replays them while it loads a model.

Format: https://www.tensorflow.org/tfx/serving/saved_model_warmup
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from components.serving_check.contract import Call
from schema.serving_names import WARMUP_FILE, WARMUP_FOLDER


def path(folder: str, model: str) -> Path:
    """Return the file of a model's requests below a ServingCheck's artifact."""
    return Path(folder, WARMUP_FOLDER, model, WARMUP_FILE)


def write(folder: str, calls: Sequence[Call]) -> None:
    """Write one request for each call, in one file for each model."""
    for model in {call.model for call in calls}:
        file = path(folder, model)
        file.parent.mkdir(parents=True, exist_ok=True)
        with tf.io.TFRecordWriter(str(file)) as writer:
            for call in calls:
                if call.model == model:
                    writer.write(_log(call).SerializeToString())


def read(folder: str, models: Sequence[str]) -> list[Call]:
    """Read the requests of some models as the calls a server makes of them."""
    calls = []
    for model in models:
        records = tf.data.TFRecordDataset([str(path(folder, model))])
        for record in records.as_numpy_iterator():
            request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
            calls.append(Call(model, request.model_spec.signature_name, _inputs(request.inputs)))
    return calls


def _log(call: Call) -> prediction_log_pb2.PredictionLog:
    request = predict_pb2.PredictRequest()
    # A server warms the model whose folder holds the file, whatever name it serves it under.
    request.model_spec.name = call.model
    request.model_spec.signature_name = call.signature
    for name, values in call.inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(list(values), tf.string))
    return prediction_log_pb2.PredictionLog(
        predict_log=prediction_log_pb2.PredictLog(request=request)
    )


def _inputs(tensors: Mapping[str, object]) -> dict[str, list[bytes]]:
    return {name: tf.make_ndarray(tensor).tolist() for name, tensor in tensors.items()}
