"""Exact gradients of a batch whose activations do not fit into memory, chunk by chunk.

Each chunk is embedded without keeping anything but its embeddings; one loss over all of them gives
the gradient of each embedding; each chunk is then embedded again and its part of that gradient sent
through the towers. A batch costs one more pass forward, and memory that of one chunk.

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
    """The loss of a batch and its gradients, of at most `chunk` records at a time.

    Args:
        embed: (records, number of the chunk) to image and text embeddings [size, d]; must answer
            the same when asked again, dropout included, and must not depend on who else is in the
            chunk, as batch normalisation does.
        loss_of: all embeddings [n, d] to a scalar.
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
    given, of_others = tape.gradient(loss, [{"u": images, "v": texts}, list(others)])

    def add(number: tf.Tensor, *sums: tf.Tensor) -> tuple[tf.Tensor, ...]:
        with tf.GradientTape() as tape:
            found = embed(part(batch, number), number)
        received = part(given, number)
        gradients = tape.gradient(
            found,
            list(towers),
            output_gradients=(received["u"], received["v"]),
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        added = (a + tf.convert_to_tensor(b) for a, b in zip(sums, gradients, strict=True))
        return number + 1, *added

    zeros = [tf.zeros(variable.shape, variable.dtype) for variable in towers]
    # One chunk after the other: chunks side by side would need the memory of the whole batch.
    _, *sums = tf.while_loop(
        lambda number, *_: number < chunks, add, [tf.constant(0), *zeros], parallel_iterations=1
    )
    return loss, sums, of_others


def _embeddings(
    embed: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]], chunks: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """All chunks' embeddings, [n, d] each."""

    def add(
        number: tf.Tensor, images: tf.TensorArray, texts: tf.TensorArray
    ) -> tuple[tf.Tensor, tf.TensorArray, tf.TensorArray]:
        u, v = embed(number)
        return number + 1, images.write(number, u), texts.write(number, v)

    # Chunks differ in their number of records.
    u, v = embed(tf.constant(0))
    shapes = [[None, *each.shape[1:]] for each in (u, v)]
    empty = [
        tf.TensorArray(tf.float32, chunks, infer_shape=False, element_shape=shape)
        for shape in shapes
    ]
    _, images, texts = tf.while_loop(
        lambda number, *_: number < chunks, add, [tf.constant(0), *empty], parallel_iterations=1
    )
    return tf.ensure_shape(images.concat(), shapes[0]), tf.ensure_shape(texts.concat(), shapes[1])
