"""Converted networks compute what the exported function does, in each form."""

import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf

from components.tower_converter import litert_files, onnx_files, runtimes
from components.tower_converter.graphs import NotConvertedError, read_tower
from schema.errors import InputError
from schema.serving_names import TEXT_TOWER
from trainer.towers import fused_ops


class Saved(tf.Module):
    """A text tower of two products, or one with an operation that few know."""

    def __init__(self, dtype=tf.float32, rare: bool = False, gelu: bool = False):
        super().__init__()
        rng = np.random.default_rng(0)
        self.table = tf.Variable(rng.standard_normal((50, 64)), dtype=tf.float32)
        self.product = tf.Variable(rng.standard_normal((64, 16)), dtype=tf.float32)
        self.dtype, self.rare, self.gelu = dtype, rare, gelu
        spec = tf.TensorSpec([None, 6], tf.int64, name="tokens")
        self.embed_prepared = tf.function(self.embed, input_signature=[spec])

    def embed(self, tokens):
        rows = tf.reduce_mean(tf.gather(self.table, tokens), 1)
        if self.gelu:
            rows = fused_ops.gelu(rows)
        if self.rare:
            rows = tf.math.betainc(1.5, 2.0, tf.sigmoid(rows))
        result = tf.cast(rows, self.dtype) @ tf.cast(self.product, self.dtype)
        return tf.math.l2_normalize(tf.cast(result, tf.float32), -1)


TOKENS = np.random.default_rng(1).integers(0, 50, (40, 6))


def saved(folder, **options):
    module = Saved(**options)
    tf.saved_model.save(module, str(folder))
    return read_tower(str(folder), TEXT_TOWER), module.embed_prepared(TOKENS).numpy()


@pytest.mark.parametrize(
    ("precision", "onnx_error", "litert_error", "share"),
    [("float32", 1e-6, 1e-6, 1.0), ("float16", 1e-3, 1e-3, 0.6), ("int8", 0.03, 0.03, 0.4)],
)
def test_each_form_computes_the_same(tmp_path, precision, onnx_error, litert_error, share):
    tower, expected = saved(tmp_path / "saved")
    assert (tower.input, tower.shape, tower.dtype, tower.dim) == ("tokens", (6,), "int64", 16)
    np.testing.assert_array_equal(tower.embed(TOKENS), expected)
    for suffix, error in ((".onnx", onnx_error), (".tflite", litert_error)):
        file = tmp_path / f"tower{suffix}"
        if suffix == ".onnx":
            onnx_files.write(onnx_files.float32_model(tower), precision, file)
        else:
            litert_files.write(tower, precision, file)
        embed = runtimes.load(file)
        np.testing.assert_allclose(embed(TOKENS), expected, atol=error)
        np.testing.assert_allclose(embed(TOKENS[:3]), expected[:3], atol=error)  # another batch
        weights = 4 * (50 * 64 + 64 * 16)
        assert file.stat().st_size < share * weights + 5000


def test_int8_convolutions_are_those_of_rounded_weights_and_folded_as_they_are_loaded(tmp_path):
    rng = np.random.default_rng(4)
    kernel = (
        rng.standard_normal((8, 3, 5, 5), np.float32)
        * 10.0 ** np.arange(-4, 4)[:, None, None, None]
    )
    kernel[2] = 0
    few = rng.standard_normal((2, 8, 1, 1)).astype(np.float32)  # so few stay as they are
    graph = onnx.parser.parse_graph(
        "g (float[n, 3, 9, 9] pixels) => (float[n, 2, 5, 5] embedding)"
        "{ inner = Conv (pixels, kernel)  embedding = Conv (inner, few) }"
    )
    for name, values in (("kernel", kernel.astype(np.float32)), ("few", few)):
        graph.initializer.append(onnx.numpy_helper.from_array(values, name))
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)])
    smaller = onnx_files.with_int8_convolutions(model)
    stored = {t.name: onnx.numpy_helper.to_array(t) for t in smaller.graph.initializer}
    assert {name: values.dtype.name for name, values in stored.items()} == {
        "kernel/int8": "int8",
        "kernel/scale": "float32",
        "few": "float32",
    }
    rounded = np.zeros_like(kernel)
    for channel, weights in enumerate(kernel):
        step = np.abs(weights).max() / 127
        if step:
            rounded[channel] = np.round(weights / step) * step
    model.graph.initializer[0].CopyFrom(
        onnx.numpy_helper.from_array(rounded.astype(np.float32), "kernel")
    )
    pixels = rng.standard_normal((2, 3, 9, 9)).astype(np.float32)
    answers = []
    for name, one in (("rounded", model), ("smaller", smaller)):
        onnx.save(one, tmp_path / f"{name}.onnx")
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = str(tmp_path / "loaded.onnx")
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        session = onnxruntime.InferenceSession(tmp_path / f"{name}.onnx", options)
        answers.append(session.run(None, {"pixels": pixels})[0])
    np.testing.assert_allclose(answers[1], answers[0], rtol=1e-5, atol=1e-3)
    loaded = onnx.load(tmp_path / "loaded.onnx")
    assert [node.op_type for node in loaded.graph.node] == ["Conv", "Conv"]


def test_a_network_in_bfloat16_becomes_one_in_float32(tmp_path):
    tower, rounded = saved(tmp_path / "saved", dtype=tf.bfloat16)
    _, exact = saved(tmp_path / "exact")
    onnx_files.write(onnx_files.float32_model(tower), "float32", tmp_path / "a.onnx")
    given = runtimes.load(tmp_path / "a.onnx")(TOKENS)
    assert np.abs(rounded - exact).max() > 1e-4
    np.testing.assert_allclose(given, exact, atol=2**-8)  # the weights may be rounded already
    model = onnx.load(tmp_path / "a.onnx")
    assert all(t.data_type != onnx.TensorProto.BFLOAT16 for t in model.graph.initializer)


def test_the_activation_of_transformers_is_an_operator_of_both(tmp_path):
    tower, expected = saved(tmp_path / "saved", gelu=True)
    litert_files.write(tower, "float32", tmp_path / "a.tflite")
    onnx_files.write(onnx_files.float32_model(tower), "float32", tmp_path / "a.onnx")
    for name in ("a.tflite", "a.onnx"):
        np.testing.assert_allclose(runtimes.load(tmp_path / name)(TOKENS), expected, atol=1e-6)


def test_operations_that_a_format_lacks_are_named(tmp_path):
    tower, _ = saved(tmp_path / "saved", rare=True)
    with pytest.raises(NotConvertedError, match=r"ONNX has no operator for Betainc"):
        onnx_files.float32_model(tower)
    with pytest.raises(NotConvertedError, match=r"LiteRT has no operator for Betainc"):
        litert_files.write(tower, "float32", tmp_path / "a.tflite")


def test_a_saved_model_that_is_no_tower_is_refused(tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path / "other"))
    with pytest.raises(InputError, match=r"other: has no tower that can be converted"):
        read_tower(str(tmp_path / "other"), TEXT_TOWER)
