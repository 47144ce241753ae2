import functools
from pathlib import Path

import tensorflow as tf
from tensorflow_transform import impl_helper

from schema import features
from trainer.config.transform import ImageConfig, TextConfig, TransformConfig
from trainer.preprocessing.preprocessing_fn import preprocessing_fn

SPECS = {
    features.CAPTIONS: tf.SparseTensorSpec([None, None], tf.string),
    features.LABELS: tf.SparseTensorSpec([None, None], tf.int64),
    features.IMAGE_ENCODED: tf.TensorSpec([None, 1], tf.string),
    features.IMAGE_KEY: tf.TensorSpec([None, 1], tf.string),
}


def test_only_a_graph_with_a_vocabulary_holds_the_graph_of_the_images(tmp_path: Path) -> None:
    (tmp_path / "vocabulary").write_text("[PAD]\n[UNK]\na\n")
    config = TransformConfig(
        text=TextConfig(max_tokens=4), image=ImageConfig(size=128, encoding="png")
    ).model_dump_json()
    traced = functools.partial(preprocessing_fn, custom_config={"config": config})
    analysis, _, outputs = impl_helper.trace_preprocessing_function(
        traced, SPECS, use_tf_compat_v1=False, base_temp_dir=str(tmp_path)
    )
    [analyzer] = analysis.get_collection("tft_tensor_replacements")
    folder = str(tmp_path / "final")
    impl_helper._trace_and_write_transform_fn(
        folder,
        traced,
        SPECS,
        str(tmp_path),
        {analyzer.tensor.name: tf.constant(str(tmp_path / "vocabulary"))},
        None,
        None,
    )
    final = tf.saved_model.load(folder).transform_fn
    assert outputs[features.PIXELS].shape.as_list() == [None]
    assert not _decoders(analysis)

    image = tf.io.encode_png(tf.zeros([20, 40, 3], tf.uint8))
    none = tf.sparse.from_dense(tf.zeros([1, 0], tf.int64))
    stored = final({
        features.CAPTIONS: tf.sparse.from_dense([["a a"]]),
        features.LABELS: none,
        features.IMAGE_ENCODED: [[image]],
        features.IMAGE_KEY: [["key"]],
    })  # fmt: skip
    assert stored[features.TOKENS][0, 0].numpy().tolist() == [2, 2, 0, 0]
    [pixels] = [tf.io.decode_png(x) for x in stored[features.PIXELS]]
    assert pixels.shape.as_list() == [64, 128, 3]


def _decoders(graph: tf.Graph) -> list[str]:
    nodes = [*graph.as_graph_def().node]
    nodes += [node for f in graph.as_graph_def().library.function for node in f.node_def]
    return [node.op for node in nodes if "Decode" in node.op and node.op != "DecodeRaw"]
