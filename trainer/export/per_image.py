"""Apply a function to every image of a batch, where the error of one does not end the others.

TensorFlow's decoders fail the whole graph on a damaged file, and only decoding finds the damage. A
tf.data pipeline inside the graph can leave out the elements that fail.
"""

from collections.abc import Callable

import tensorflow as tf

AT_ONCE = 8  # images decoded in parallel


def try_each(
    function: Callable[[tf.Tensor], tf.Tensor], images: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Apply a function to every image.

    Args:
        function: a scalar string to a tensor of a static shape.
        images: strings [n].

    Returns:
        The results, zeros where the function failed: [n, *shape], or [1, *shape] if n is 0, as not
        every network takes an empty batch; and where it did not fail, bool [n].
    """
    count = tf.size(images, out_type=tf.int64)

    def numbered(number: tf.Tensor, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return number, function(image)

    done = (
        tf.data.Dataset.from_tensor_slices((tf.range(count), images))
        .map(numbered, num_parallel_calls=AT_ONCE, deterministic=False)
        .ignore_errors()
    )
    spec = done.element_spec[1]
    zeros = tf.constant(-1, tf.int64), tf.zeros(spec.shape, spec.dtype)
    gathered = tf.data.Dataset.from_tensors(zeros).concatenate(done).batch(count + 1)
    numbers, results = gathered.get_single_element()
    places = tf.scatter_nd(numbers[1:, None], tf.range(1, tf.size(numbers)), count[None])
    needed = tf.cond(count > 0, lambda: places, lambda: tf.constant([0]))
    return tf.gather(results, needed), places > 0
