"""One SavedModel that takes raw bytes and strings: both towers behind the transform graph."""

import keras
import tensorflow as tf

from schema import features
from trainer import pixels
from trainer.config import TrainerConfig
from trainer.model import DualEncoder


class Served(tf.Module):
    """The model as it is served.

    Args:
        model: the trained networks.
        transform: `TFTransformOutput.transform_features_layer()`.
        raw_spec: parsing spec of raw records.
    """

    def __init__(self, model: DualEncoder, transform: keras.layers.Layer, raw_spec: dict):
        super().__init__()
        self._model, self._transform, self._raw_spec = model, transform, raw_spec
        self._config: TrainerConfig = model.config

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serving_default(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Serialized tf.train.Example [n] to the embeddings of each image and its captions.

        Returns:
            image_embedding [n, d] and text_embeddings [n, max_captions, d]; rows beyond a
            record's captions are zero.
        """
        raw = tf.io.parse_example(examples, self._raw_spec)
        record = self._transform(raw)
        tokens, ids = record[features.TOKENS], record[features.CAPTION_IDS]
        flat = self._model.embed_texts(tf.reshape(tokens, [-1, tokens.shape[-1]]))
        table = tf.reshape(flat, [-1, tokens.shape[1], flat.shape[-1]])
        present = tf.cast(tf.not_equal(ids, 0), table.dtype)[..., None]
        return {
            features.IMAGE_EMBEDDING: self._embed_pixels(record[features.PIXELS]),
            features.TEXT_EMBEDDINGS: table * present,
        }

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="image")])
    def embed_image(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        """Encoded images [n] to embedding [n, d]."""
        record = self._transform({features.IMAGE_ENCODED: image[:, None]})
        return {features.EMBEDDING: self._embed_pixels(record[features.PIXELS])}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
    def embed_text(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Captions [n] to embedding [n, d]."""
        record = self._transform({features.CAPTIONS: tf.sparse.from_dense(text[:, None])})
        return {features.EMBEDDING: self._model.embed_texts(record[features.TOKENS][:, 0])}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, name="image"),
            tf.TensorSpec([None], tf.string, name="text"),
        ]
    )
    def similarity(self, image: tf.Tensor, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Encoded images [n] and captions [m] to the dot products of their embeddings [n, m]."""
        images = self.embed_image(image)[features.EMBEDDING]
        texts = self.embed_text(text)[features.EMBEDDING]
        return {features.SIMILARITY: tf.matmul(images, texts, transpose_b=True)}

    def _embed_pixels(self, encoded: tf.Tensor) -> tf.Tensor:
        def read(one: tf.Tensor) -> tf.Tensor:
            return pixels.read(one, self._config.image)

        images = tf.map_fn(read, encoded, fn_output_signature=tf.uint8)
        return self._model.embed_images(images)


def export(served: Served, folder: str) -> None:
    """Write the SavedModel with its four signatures."""
    tf.saved_model.save(
        served,
        folder,
        signatures={
            "serving_default": served.serving_default,
            "embed_image": served.embed_image,
            "embed_text": served.embed_text,
            "similarity": served.similarity,
        },
    )
