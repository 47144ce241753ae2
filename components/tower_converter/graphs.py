"""The networks of exported towers as frozen graphs, from prepared inputs to embeddings."""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the ops of the exported text tower
from google.protobuf.message import EncodeError
from tensorflow.core.framework import graph_pb2
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from schema import features, serving_names
from schema.errors import InputError

INPUTS = {
    serving_names.IMAGE_TOWER: features.PIXELS,
    serving_names.TEXT_TOWER: features.TOKENS,
}
Embed = Callable[[np.ndarray], np.ndarray]  # prepared inputs [n, ...] to float32 [n, d]


@dataclasses.dataclass(frozen=True)
class TowerGraph:
    """A tower without the preprocessing of its input, all weights constants, in float32.

    Attributes:
        tower: its name.
        graph: with an input named `input` and an output named `features.EMBEDDING`.
        input: 'pixels' or 'tokens'.
        shape: of one input.
        dtype: of the input.
        dim: of an embedding.
        embed: the exported function itself, to compare with.
    """

    tower: str
    graph: graph_pb2.GraphDef
    input: str
    shape: tuple[int, ...]
    dtype: str
    dim: int
    embed: Embed


class NotConvertedError(Exception):
    """A network cannot be converted; the message is one sentence without the file's name."""


def read_tower(saved: str, tower: str) -> TowerGraph:
    """Read the network of a tower's SavedModel.

    Args:
        saved: its folder.
        tower: 'image_tower' or 'text_tower'.

    Raises:
        InputError: it cannot be loaded, another version of Diptych has exported it, or it is too
            large for one graph.
    """
    try:
        loaded = tf.saved_model.load(saved)
        function = loaded.embed_prepared.get_concrete_function()
    except (OSError, ValueError, AttributeError, tf.errors.OpError) as error:
        raise InputError(f"{saved}: has no tower that can be converted") from error
    try:
        # Control flow as functions, which both converters know.
        frozen = convert_variables_to_constants_v2(function, lower_control_flow=False)
        [source], [target] = frozen.inputs, frozen.outputs
        graph = _renamed(frozen.graph.as_graph_def(), source.name, target.name, INPUTS[tower])
    except (EncodeError, ValueError) as error:
        raise InputError(
            f"the weights of {tower} do not fit into one graph of 2 GB, as the converters need "
            "them: set portable: null"
        ) from error
    return TowerGraph(
        tower=tower,
        graph=graph,
        input=INPUTS[tower],
        shape=tuple(source.shape[1:]),
        dtype=source.dtype.name,
        dim=target.shape[-1],
        embed=lambda batch: loaded.embed_prepared(tf.constant(batch)).numpy(),
    )


def _renamed(graph: graph_pb2.GraphDef, source: str, target: str, name: str) -> graph_pb2.GraphDef:
    """Return the graph in float32 with names of our own for its input and its output."""
    in_float32(graph)
    old = source.partition(":")[0]
    for node in graph.node:
        if node.name == old:
            shape, dtype = node.attr["shape"].shape, node.attr["dtype"].type
    with tf.Graph().as_default() as made:
        fed = tf.compat.v1.placeholder(
            dtype, tf.TensorShape([d.size if d.size >= 0 else None for d in shape.dim]), name
        )
        [result] = tf.import_graph_def(
            graph, input_map={source: fed}, return_elements=[target], name="tower"
        )
        tf.identity(result, name=features.EMBEDDING)
    whole = made.as_graph_def()
    return tf.compat.v1.graph_util.extract_sub_graph(whole, [features.EMBEDDING])


def in_float32(graph: graph_pb2.GraphDef) -> None:
    """Let a graph compute in float32 what it computes in bfloat16, which few runtimes know.

    Args:
        graph: changed in place.
    """
    bfloat16, float32 = tf.bfloat16.as_datatype_enum, tf.float32.as_datatype_enum
    bodies = [graph.node, *(function.node_def for function in graph.library.function)]
    for node in (node for nodes in bodies for node in nodes):
        for attribute in node.attr.values():
            if attribute.type == bfloat16:
                attribute.type = float32
            if attribute.HasField("tensor") and attribute.tensor.dtype == bfloat16:
                values = tf.make_ndarray(attribute.tensor).astype(np.float32)
                attribute.tensor.CopyFrom(tf.make_tensor_proto(values))
            for place, listed in enumerate(attribute.list.type):
                if listed == bfloat16:
                    attribute.list.type[place] = float32
