"""The three SavedModels of a release: raw bytes and strings in, embeddings out."""

import os
from collections.abc import Callable

import keras
import tensorflow as tf

from schema import features, serving_names
from trainer.export.per_image import try_each
from trainer.models.dual_encoder import DualEncoder
from trainer.preprocessing import images as pixels

EXAMPLES, IMAGE, TEXT = (
    serving_names.EXAMPLES_INPUT,
    serving_names.IMAGE_INPUT,
    serving_names.TEXT_INPUT,
)


class Tower(tf.Module):
    """One tower behind what prepares its input.

    A SavedModel holds whatever its root reaches through attributes, so a tower keeps its own
    network and only a method of the dual encoder, which leads to no weights.

    Args:
        network: the tower's layers.
        embed: the method of the dual encoder that calls them and finishes the embedding.
    """

    NETWORK = "_network"  # the attribute, by whose name the SavedModel finds its weights

    def __init__(self, network: keras.Model, embed: Callable[[tf.Tensor], tf.Tensor]):
        super().__init__()
        self._network, self._embed = network, embed


class ImageTower(Tower):
    """The image tower alone, behind the functions that the transform graph calls."""

    def __init__(self, model: DualEncoder):
        super().__init__(model.image_tower, model.embed_images)
        self._config = model.config.image

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=IMAGE)])
    def __call__(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        """Encoded images [n] to embedding [n, d], and whether each is valid [n].

        The embedding of an image that cannot be decoded is NaN.
        """

        def prepare(one: tf.Tensor) -> tf.Tensor:
            return pixels.transform_and_read(one, self._config)

        squares, valid = try_each(prepare, image)
        embedding = self._embed(squares)[: tf.size(image)]
        nothing = tf.constant(float("nan"), embedding.dtype)
        return {
            features.EMBEDDING: tf.where(valid[:, None], embedding, nothing),
            features.VALID: valid,
        }


class TextTower(Tower):
    """The text tower alone."""

    def __init__(self, model: DualEncoder, transform: keras.layers.Layer):
        super().__init__(model.text_tower, model.embed_texts)
        self._transform = transform

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=TEXT)])
    def __call__(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Captions [n] to embedding [n, d]."""
        record = self._transform({features.CAPTIONS: tf.sparse.from_dense(text[:, None])})
        return {features.EMBEDDING: self._embed(record[features.TOKENS][:, 0])}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=TEXT)])
    def tokens(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Captions [n] to what the network reads, [n, max_tokens], and their caption ids [n]."""
        record = self._transform({features.CAPTIONS: tf.sparse.from_dense(text[:, None])})
        return {name: record[name][:, 0] for name in (features.TOKENS, features.CAPTION_IDS)}

    def embed(self, tokens: tf.Tensor, caption_ids: tf.Tensor) -> tf.Tensor:
        """Token ids [n, max_captions, max_tokens] to embeddings [n, max_captions, d].

        Rows where the caption id [n, max_captions] is 0 stand for no caption; they are zero.
        """
        flat = self._embed(tf.reshape(tokens, [-1, tokens.shape[-1]]))
        table = tf.reshape(flat, [-1, tokens.shape[1], flat.shape[-1]])
        return table * tf.cast(tf.not_equal(caption_ids, 0), table.dtype)[..., None]


# All that an Example must hold to be served; what else a record has is for data checks and slices.
NEEDED = (features.IMAGE_ENCODED, features.CAPTIONS)


class Served(tf.Module):
    """The joint model as it is served, made of its two towers.

    Args:
        model: the trained networks.
        transform: `TFTransformOutput.transform_features_layer()`.
        raw_spec: parsing spec of raw records.
    """

    def __init__(self, model: DualEncoder, transform: keras.layers.Layer, raw_spec: dict):
        super().__init__()
        self.image_tower = ImageTower(model)
        self.text_tower = TextTower(model, transform)
        self._transform = transform
        self._raw_spec = {name: raw_spec[name] for name in NEEDED}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=EXAMPLES)])
    def serving_default(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Serialized tf.train.Example [n] to the embeddings of each image and its captions.

        Returns:
            image_embedding [n, d], NaN where valid [n] is false, and text_embeddings [n,
            max_captions, d]; rows beyond a record's captions are zero.
        """
        parsed = tf.io.parse_example(examples, self._raw_spec)
        images = self.image_tower(tf.reshape(parsed[features.IMAGE_ENCODED], [-1]))
        record = self._transform({features.CAPTIONS: parsed[features.CAPTIONS]})
        return {
            features.IMAGE_EMBEDDING: images[features.EMBEDDING],
            features.VALID: images[features.VALID],
            features.TEXT_EMBEDDINGS: self.text_tower.embed(
                record[features.TOKENS], record[features.CAPTION_IDS]
            ),
        }

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, name=IMAGE),
            tf.TensorSpec([None], tf.string, name=TEXT),
        ]
    )
    def similarity(self, image: tf.Tensor, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Encoded images [n] and captions [m] to the dot products of their embeddings [n, m].

        The row of an image that cannot be decoded is NaN; valid [n] says which can.
        """
        images = self.image_tower(image)
        texts = self.text_tower(text)[features.EMBEDDING]
        return {
            features.SIMILARITY: tf.matmul(images[features.EMBEDDING], texts, transpose_b=True),
            features.VALID: images[features.VALID],
        }


def export(model: Served, folder: str) -> None:
    """Write the joint model with its four signatures, and each tower alone with one.

    Args:
        model: what is served.
        folder: of the Trainer's artifact; `schema.serving_names.FOLDERS` are written below it.
    """
    image, text = model.image_tower.__call__, model.text_tower.__call__
    tf.saved_model.save(
        model,
        os.path.join(folder, serving_names.FOLDERS[serving_names.JOINT]),
        signatures={
            serving_names.SERVING_DEFAULT: model.serving_default,
            serving_names.EMBED_IMAGE: image,
            serving_names.EMBED_TEXT: text,
            serving_names.SIMILARITY: model.similarity,
        },
    )
    for name, tower, call in (
        (serving_names.IMAGE_TOWER, model.image_tower, image),
        (serving_names.TEXT_TOWER, model.text_tower, text),
    ):
        tf.saved_model.save(
            tower,
            os.path.join(folder, serving_names.FOLDERS[name]),
            signatures={serving_names.SERVING_DEFAULT: call},
        )
