"""Convert a tower to ONNX, in float32, float16 and int8, with tf2onnx and onnxruntime."""

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import tf2onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantType,
    quantize_dynamic,
    quantize_static,
)

from components.tower_converter.config import Precision
from components.tower_converter.graphs import NotConvertedError, TowerGraph
from schema import features

OPSET = 18
SMALLEST_HALVED = 256  # values; smaller constants stay float32
CALIBRATED_AT_ONCE = 16  # images
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


def write(model: onnx.ModelProto, precision: Precision, calibration: np.ndarray, file: Path) -> str:
    """Write a converted tower in a precision.

    Args:
        model: in float32.
        precision: of the file.
        calibration: inputs [n, ...] by which ranges of values are estimated.
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
        whole = Path(folder, "float32.onnx")
        onnx.save(model, whole)
        if _is_convolutional(model):
            quantize_static(
                whole,
                file,
                _Batches(model.graph.input[0].name, calibration),
                per_channel=True,
                reduce_range=REDUCED,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
            )
            return f"static int8, calibrated with {len(calibration)} records of the train split"
        quantize_dynamic(
            whole,
            file,
            op_types_to_quantize=["MatMul", "Gather"],  # its convolutions are slow
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


def _is_convolutional(model: onnx.ModelProto) -> bool:
    """Whether most weights are those of convolutions."""
    sizes = {tensor.name: int(np.prod(tensor.dims)) for tensor in model.graph.initializer}
    inside = {
        name for node in model.graph.node if node.op_type == "Conv" for name in node.input[1:2]
    }
    return 2 * sum(sizes.get(name, 0) for name in inside) > sum(sizes.values())


class _Batches(CalibrationDataReader):
    """Inputs by which onnxruntime estimates the range of each activation."""

    def __init__(self, name: str, inputs: np.ndarray):
        self._batches: Iterator[dict[str, np.ndarray]] = (
            {name: inputs[start : start + CALIBRATED_AT_ONCE]}
            for start in range(0, len(inputs), CALIBRATED_AT_ONCE)
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._batches, None)
