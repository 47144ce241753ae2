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
SMALLEST_STORED = 256  # values; smaller constants stay float32
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
    with tempfile.TemporaryDirectory() as folder:
        smaller = Path(folder, "smaller.onnx")
        onnx.save(with_int8_convolutions(model), smaller)
        quantize_dynamic(
            smaller,
            file,
            op_types_to_quantize=["MatMul", "Gather"],
            per_channel=True,
            reduce_range=REDUCED,
            weight_type=QuantType.QInt8,
        )
    if any(node.op_type == "Conv" for node in model.graph.node):
        return "dynamic int8; convolutions: weights int8, computed in float32"
    return "dynamic int8"


def with_halved_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store the weights in float16; runtimes convert them to float32 once, as they load them.

    Computing in float16 needs kernels that onnxruntime does not have for processors.
    """
    halved = _copy(model)
    nodes = []
    for tensor in halved.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < SMALLEST_STORED:
            continue
        values = numpy_helper.to_array(tensor)
        if np.abs(values).max() > np.finfo(np.float16).max:
            continue
        stored = f"{tensor.name}/float16"
        nodes.append(helper.make_node("Cast", [stored], [tensor.name], to=TensorProto.FLOAT))
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), stored))
    _put_first(halved.graph, nodes)
    return halved


def with_int8_convolutions(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store the weights of convolutions in int8, with a scale for each channel that they compute.

    Runtimes fold the two operations that make them float32 again as they load them; they would run
    DequantizeLinear at each call. Convolutions in int8 would need ranges of their activations, and
    of a network of many depthwise ones they lose the recall.
    """
    smaller = _copy(model)
    constants = {tensor.name: tensor for tensor in smaller.graph.initializer}
    kernels = {node.input[1] for node in smaller.graph.node if node.op_type == "Conv"}
    nodes = []
    for name in sorted(kernels & constants.keys()):
        tensor = constants[name]
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < SMALLEST_STORED:
            continue
        values = numpy_helper.to_array(tensor)  # [channels, ...]
        largest = np.abs(values).max(tuple(range(1, values.ndim)), keepdims=True)
        scale = np.maximum(largest, np.finfo(np.float32).tiny * 127) / 127
        stored, whole, factor = (f"{name}/{part}" for part in ("int8", "whole", "scale"))
        tensor.CopyFrom(numpy_helper.from_array(np.round(values / scale).astype(np.int8), stored))
        smaller.graph.initializer.append(numpy_helper.from_array(scale, factor))
        nodes += [
            helper.make_node("Cast", [stored], [whole], to=TensorProto.FLOAT),
            helper.make_node("Mul", [whole, factor], [name]),
        ]
    _put_first(smaller.graph, nodes)
    return smaller


def _copy(model: onnx.ModelProto) -> onnx.ModelProto:
    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    return copied


def _put_first(graph: onnx.GraphProto, nodes: list[onnx.NodeProto]) -> None:
    together = [*nodes, *graph.node]
    del graph.node[:]
    graph.node.extend(together)
