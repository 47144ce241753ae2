"""Convert a tower to LiteRT (.tflite): float32, float16 and int8, by TensorFlow's converter."""

import re
from pathlib import Path

import tensorflow as tf

from components.tower_converter.config import Precision
from components.tower_converter.graphs import NotConvertedError, TowerGraph
from schema import features

_OPERATION = re.compile(r"\btf\.([A-Z]\w+)")  # in the converter's messages
HOW = {
    "float32": "float32",
    "float16": "weights float16, computed in float32",
    "int8": "dynamic int8",
}


def write(tower: TowerGraph, precision: Precision, file: Path) -> str:
    """Convert a tower and write the file.

    Returns:
        How the numbers are made, for the report.

    Raises:
        NotConvertedError: names the operations that LiteRT does not have.
    """
    wrapped = tf.compat.v1.wrap_function(
        lambda: tf.graph_util.import_graph_def(tower.graph, name=""), []
    )
    function = wrapped.prune(f"{tower.input}:0", f"{features.EMBEDDING}:0")
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], wrapped)
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    try:
        file.write_bytes(converter.convert())
    except Exception as error:  # of many kinds, whatever the converter stumbles over
        unknown = sorted(set(_OPERATION.findall(str(error))))
        if unknown:
            raise NotConvertedError(f"LiteRT has no operator for {', '.join(unknown)}") from error
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise NotConvertedError(f"the LiteRT converter failed: {reason[:300]}") from error
    return HOW[precision]
