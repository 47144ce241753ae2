"""Exact gradients of a batch whose activations do not fit into memory, chunk by chunk.

Each chunk is embedded and only its embeddings are kept. One loss over all of them gives the
gradient of each embedding. Then each chunk is embedded again, and its part of that gradient is
propagated through the towers. This costs one more forward pass, and the memory of one chunk.

Reference: Gao, Zhang, Han and Callan, "Scaling deep contrastive learning batch size under memory
limited setup" (2021), GradCache.
"""

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

Batch = Mapping[str, tf.Tensor]
Embed = Callable[[Batch, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
Variables = Sequence[tf.Variable]


def loss_and_gradients(
    embed: Embed,
    loss_of: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    batch: Batch,
    chunk: int,
    towers: Variables,
    others: Variables,
) -> tuple[tf.Tensor, list[tf.Tensor], list[tf.Tensor]]:
    """Compute the loss of a batch and its gradients, at most `chunk` records at a time.

    Args:
        embed: maps (records, number of the chunk) to image and text embeddings [size, d]. It must
            give the same result when called again, dropout included, and an embedding must not
            depend on the other records, as it does with batch normalisation.
        loss_of: maps all embeddings [n, d] to a scalar.
        batch: tensors [n, ...].
        chunk: records embedded at once; the last chunk may have fewer.
        towers: variables that `embed` uses.
        others: variables that only `loss_of` uses, such as the logit scale.

    Returns:
        The loss, and the gradients of `towers` and of `others`.
    """
    records = tf.shape(next(iter(batch.values())))[0]
    chunks = (records + chunk - 1) // chunk

    def part(values: Batch, number: tf.Tensor) -> dict[str, tf.Tensor]:
        start = number * chunk
        end = tf.minimum(start + chunk, records)
        return {name: value[start:end] for name, value in values.items()}

    images, texts = _embeddings(lambda n: embed(part(batch, n), n), chunks)
    with tf.GradientTape() as tape:
        tape.watch([images, texts])
        loss = loss_of(images, texts)
    upstream, of_others = tape.gradient(loss, [{"u": images, "v": texts}, list(others)])

    def add(number: tf.Tensor, *sums: tf.Tensor) -> tuple[tf.Tensor, ...]:
        with tf.GradientTape() as tape:
            embeddings = embed(part(batch, number), number)
        of_embeddings = part(upstream, number)
        gradients = tape.gradient(
            embeddings,
            list(towers),
            output_gradients=(of_embeddings["u"], of_embeddings["v"]),
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        added = (a + tf.convert_to_tensor(b) for a, b in zip(sums, gradients, strict=True))
        return number + 1, *added

    zeros = [tf.zeros(variable.shape, variable.dtype) for variable in towers]
    # Chunks in parallel would need the memory of the whole batch.
    _, *sums = tf.while_loop(
        lambda number, *_: number < chunks, add, [tf.constant(0), *zeros], parallel_iterations=1
    )
    return loss, sums, of_others


def _embeddings(
    embed: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]], chunks: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Embed all chunks: image and text embeddings, [n, d] each."""

    def add(
        number: tf.Tensor, images: tf.TensorArray, texts: tf.TensorArray
    ) -> tuple[tf.Tensor, tf.TensorArray, tf.TensorArray]:
        u, v = embed(number)
        return number + 1, images.write(number, u), texts.write(number, v)

    # The last chunk may have fewer records.
    u, v = embed(tf.constant(0))
    shapes = [[None, *embeddings.shape[1:]] for embeddings in (u, v)]
    empty = [
        tf.TensorArray(tf.float32, chunks, infer_shape=False, element_shape=shape)
        for shape in shapes
    ]
    _, images, texts = tf.while_loop(
        lambda number, *_: number < chunks, add, [tf.constant(0), *empty], parallel_iterations=1
    )
    return tf.ensure_shape(images.concat(), shapes[0]), tf.ensure_shape(texts.concat(), shapes[1])
