"""The three SavedModels of a release: raw bytes and strings in, embeddings out."""

import posixpath
from collections.abc import Callable

import keras
import tensorflow as tf

from schema import features, serving_names
from trainer.models.dual_encoder import DualEncoder
from trainer.preprocessing import images

EXAMPLES, IMAGE, TEXT = (
    serving_names.EXAMPLES_INPUT,
    serving_names.IMAGE_INPUT,
    serving_names.TEXT_INPUT,
)
DECODED_IN_PARALLEL = 8  # images


class Tower(tf.Module):
    """One tower with the preprocessing of its input.

    A SavedModel holds everything that its root reaches through attributes. So a tower keeps its own
    network and a bound method of the dual encoder, which leads to no other weights.

    Args:
        network: the tower's layers.
        embed: the method of the dual encoder that calls them and normalises the embedding.
    """

    NETWORK = "_network"  # attribute, and so the name of the weights in the SavedModel

    def __init__(self, network: keras.Model, embed: Callable[[tf.Tensor], tf.Tensor]):
        super().__init__()
        self._network, self._embed = network, embed

    def prepared(self, spec: tf.TensorSpec) -> Callable[[tf.Tensor], tf.Tensor]:
        """Return the function of the network alone, for inputs that are pixels or token ids.

        As an attribute it is in the SavedModel, and TowerConverter takes it from there.
        """
        return tf.function(self._embed, input_signature=[spec], autograph=False)


class ImageTower(Tower):
    """The image tower with the functions that the transform graph calls."""

    def __init__(self, model: DualEncoder):
        size = model.config.image.size
        pixels = tf.TensorSpec([None, size, size, 3], tf.uint8, name=features.PIXELS)
        super().__init__(model.image_tower, model.embed_images)
        self.embed_prepared = self.prepared(pixels)
        self._config = model.config.image

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=IMAGE)])
    def __call__(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        """Embed encoded images [n].

        Returns:
            embedding [n, d], NaN where an image cannot be decoded, and valid [n], whether it can.
        """

        def prepare(one: tf.Tensor) -> tf.Tensor:
            return images.transform_and_read(one, self._config)

        squares, valid = map_images(prepare, image)
        embedding = self.embed_prepared(squares)[: tf.size(image)]
        nan = tf.constant(float("nan"), embedding.dtype)
        return {
            features.EMBEDDING: tf.where(valid[:, None], embedding, nan),
            features.VALID: valid,
        }


class TextTower(Tower):
    """The text tower with the transform graph of captions."""

    def __init__(self, model: DualEncoder, transform: keras.layers.Layer):
        tokens = [None, model.config.text.max_tokens]
        spec = tf.TensorSpec(tokens, tf.int64, name=features.TOKENS)
        super().__init__(model.text_tower, model.embed_texts)
        self.embed_prepared = self.prepared(spec)
        self._transform = transform

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=TEXT)])
    def __call__(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Embed captions [n]: embedding [n, d]."""
        record = self._transform({features.CAPTIONS: tf.sparse.from_dense(text[:, None])})
        return {features.EMBEDDING: self.embed_prepared(record[features.TOKENS][:, 0])}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=TEXT)])
    def tokens(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Tokenize captions [n]: token ids [n, max_tokens], and caption ids [n]."""
        record = self._transform({features.CAPTIONS: tf.sparse.from_dense(text[:, None])})
        return {name: record[name][:, 0] for name in (features.TOKENS, features.CAPTION_IDS)}

    def embed(self, tokens: tf.Tensor, caption_ids: tf.Tensor) -> tf.Tensor:
        """Embed token ids [n, max_captions, max_tokens] as [n, max_captions, d].

        Rows where the caption id [n, max_captions] is 0 hold no caption; they are zero.
        """
        flat = self.embed_prepared(tf.reshape(tokens, [-1, tokens.shape[-1]]))
        table = tf.reshape(flat, [-1, tokens.shape[1], flat.shape[-1]])
        return table * tf.cast(tf.not_equal(caption_ids, 0), table.dtype)[..., None]


# Features that an Example must hold to be served; a record's others are for data checks and slices.
NEEDED = (features.IMAGE_ENCODED, features.CAPTIONS)


class Served(tf.Module):
    """The joint model as it is served: both towers in one SavedModel.

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
        """Embed the image and the captions of serialized tf.train.Example [n].

        Returns:
            image_embedding [n, d], NaN where valid [n] is false, and text_embeddings [n,
            max_captions, d]; rows beyond a record's captions are zero.
        """
        parsed = tf.io.parse_example(examples, self._raw_spec)
        image = self.image_tower(tf.reshape(parsed[features.IMAGE_ENCODED], [-1]))
        record = self._transform({features.CAPTIONS: parsed[features.CAPTIONS]})
        return {
            features.IMAGE_EMBEDDING: image[features.EMBEDDING],
            features.VALID: image[features.VALID],
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
        """Compute the dot products [n, m] of embeddings of encoded images [n] and captions [m].

        Returns:
            similarity [n, m], NaN where an image cannot be decoded, and valid [n], whether it can.
        """
        embedded = self.image_tower(image)
        texts = self.text_tower(text)[features.EMBEDDING]
        return {
            features.SIMILARITY: tf.matmul(embedded[features.EMBEDDING], texts, transpose_b=True),
            features.VALID: embedded[features.VALID],
        }


def export(model: Served, folder: str) -> None:
    """Write the joint model with its four signatures, and each tower alone with one.

    Args:
        model: the joint model.
        folder: of the Trainer's artifact; `schema.serving_names.FOLDERS` are written below it.
    """
    image, text = model.image_tower.__call__, model.text_tower.__call__
    tf.saved_model.save(
        model,
        posixpath.join(folder, serving_names.FOLDERS[serving_names.JOINT]),
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
            posixpath.join(folder, serving_names.FOLDERS[name]),
            signatures={serving_names.SERVING_DEFAULT: call},
        )


def map_images(
    function: Callable[[tf.Tensor], tf.Tensor], encoded: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Apply a function to every image; an error of one does not fail the others.

    TensorFlow's decoders fail the whole graph on a damaged file, and only decoding finds the
    damage. A tf.data pipeline inside the graph can drop the elements that fail.

    Args:
        function: a scalar string to a tensor of a static shape.
        encoded: encoded images, strings [n].

    Returns:
        The results, zeros where the function failed: [n, *shape], or [1, *shape] if n is 0, since
        some networks refuse an empty batch; and whether it succeeded, bool [n].
    """
    count = tf.size(encoded, out_type=tf.int64)

    def numbered(number: tf.Tensor, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return number, function(image)

    succeeded = (
        tf.data.Dataset.from_tensor_slices((tf.range(count), encoded))
        .map(numbered, num_parallel_calls=DECODED_IN_PARALLEL, deterministic=False)
        .ignore_errors()
    )
    spec = succeeded.element_spec[1]
    zeros = tf.constant(-1, tf.int64), tf.zeros(spec.shape, spec.dtype)
    gathered = tf.data.Dataset.from_tensors(zeros).concatenate(succeeded).batch(count + 1)
    numbers, results = gathered.get_single_element()
    places = tf.scatter_nd(numbers[1:, None], tf.range(1, tf.size(numbers)), count[None])
    needed = tf.cond(count > 0, lambda: places, lambda: tf.constant([0]))
    return tf.gather(results, needed), places > 0
