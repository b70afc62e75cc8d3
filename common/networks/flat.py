"""The state of a network as one array of numbers a row, as signatures take and give it."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def flattened(state: Any) -> tf.Tensor:
    """A nest of `[rows, ...]` tensors as one, float32 `[rows, numbers]`."""
    parts = [tf.cast(x, tf.float32) for x in tf.nest.flatten(state)]
    return tf.concat([tf.reshape(x, (tf.shape(x)[0], x.shape[1:].num_elements())) for x in parts], 1)


def restored(flat: tf.Tensor, like: Any) -> Any:
    """A nest that `flattened` has made one array of.

    Args:
        flat: `[rows, numbers]`; fewer numbers are filled up with zeros, so that an array of none is the start.
        like: A nest of tensors with the shapes and types of the result, such as the initial state.
    """
    sizes = [x.shape[1:].num_elements() for x in tf.nest.flatten(like)]
    flat = tf.pad(flat, [[0, 0], [0, sum(sizes) - tf.shape(flat)[1]]])
    parts = zip(tf.split(flat, sizes, 1), tf.nest.flatten(like))
    return tf.nest.pack_sequence_as(like, [tf.cast(tf.reshape(x, tf.shape(one)), one.dtype) for x, one in parts])
