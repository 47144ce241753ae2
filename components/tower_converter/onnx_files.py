"""Convert a tower to ONNX, in float32, float16 and int8, with tf2onnx and onnxruntime."""

import logging
import tempfile
from pathlib import Path

import numpy as np
import onnx
import tf2onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from components.tower_converter.config import Precision
from components.tower_converter.graphs import NotConvertedError, TowerGraph
from schema import features

OPSET = 18
SMALLEST_HALVED = 256  # values; smaller constants stay float32
LARGEST_INT8, TINY = 127.0, 1e-30
CHANNEL_AXES = {
    "Conv": 0,
    "MatMul": -1,
}  # axis of a weight's channels, by the operator that reads it
# Weights of 7 bits: processors without VNNI add two products in 16 bits, which 8 bits overflow.
REDUCED = True


def float32_model(tower: TowerGraph) -> onnx.ModelProto:
    """Convert a tower.

    Raises:
        NotConvertedError: names the operations that ONNX does not have.
    """
    names = {f"{tower.input}:0": tower.input, f"{features.EMBEDDING}:0": features.EMBEDDING}
    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    try:
        model, _ = tf2onnx.convert.from_graph_def(
            tower.graph,
            input_names=[f"{tower.input}:0"],
            output_names=[f"{features.EMBEDDING}:0"],
            opset=OPSET,
            tensors_to_rename=names,
        )
    except Exception as error:  # of many kinds, whatever the converter stumbles over
        raise NotConvertedError(f"tf2onnx failed: {error}".splitlines()[0][:300]) from error
    unknown = sorted(
        {node.op_type for node in model.graph.node if not onnx.defs.has(node.op_type, node.domain)}
    )
    if unknown:
        raise NotConvertedError(f"ONNX has no operator for {', '.join(unknown)}")
    return model


def write(model: onnx.ModelProto, precision: Precision, file: Path) -> str:
    """Write a converted tower in a precision.

    Args:
        model: in float32.
        precision: of the file.
        file: to write.

    Returns:
        How the numbers are made, for the report.
    """
    if precision == "float32":
        onnx.save(model, file)
        return "float32"
    if precision == "float16":
        onnx.save(with_halved_weights(model), file)
        return "weights float16, computed in float32"
    if _has_convolutions(model):
        onnx.save(with_small_weights(model), file)
        return "weights int8, computed in float32"
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder, "float32.onnx")
        onnx.save(model, whole)
        quantize_dynamic(
            whole,
            file,
            op_types_to_quantize=["MatMul", "Gather"],
            per_channel=True,
            reduce_range=REDUCED,
            weight_type=QuantType.QInt8,
        )
        return "dynamic int8"


def with_halved_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store the weights in float16; runtimes convert them to float32 once, as they load them.

    Computing in float16 needs kernels that onnxruntime does not have for processors.
    """
    halved = onnx.ModelProto()
    halved.CopyFrom(model)
    graph = halved.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < SMALLEST_HALVED:
            continue
        values = numpy_helper.to_array(tensor)
        if np.abs(values).max() > np.finfo(np.float16).max:
            continue
        stored = f"{tensor.name}/float16"
        casts.append(helper.make_node("Cast", [stored], [tensor.name], to=TensorProto.FLOAT))
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), stored))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return halved


def with_small_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store the weights in int8 with a scale for each channel; runtimes restore them as they load.

    Products of convolutions in int8 would need ranges of all activations: on pretrained towers that
    cost 0.036 of recall@10 where the weights alone cost none, and it saves no space.
    """
    small = onnx.ModelProto()
    small.CopyFrom(model)
    graph = small.graph
    axes = {
        node.input[1]: CHANNEL_AXES[node.op_type]
        for node in graph.node
        if node.op_type in CHANNEL_AXES
    }
    restored = []
    for tensor in list(graph.initializer):
        size = np.prod(tensor.dims)
        if tensor.data_type != TensorProto.FLOAT or size < SMALLEST_HALVED:
            continue
        if tensor.name not in axes:
            continue
        values = numpy_helper.to_array(tensor)
        axis = axes[tensor.name] % values.ndim
        others = tuple(n for n in range(values.ndim) if n != axis)
        scale = np.maximum(np.abs(values).max(axis=others, keepdims=True) / LARGEST_INT8, TINY)
        stored, scales = f"{tensor.name}/int8", f"{tensor.name}/scale"
        rounded = np.round(values / scale).astype(np.int8)
        restored.append(
            helper.make_node("DequantizeLinear", [stored, scales], [tensor.name], axis=axis)
        )
        graph.initializer.append(numpy_helper.from_array(scale.ravel().astype(np.float32), scales))
        tensor.CopyFrom(numpy_helper.from_array(rounded, stored))
    nodes = [*restored, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return small


def _has_convolutions(model: onnx.ModelProto) -> bool:
    return any(node.op_type == "Conv" for node in model.graph.node)
