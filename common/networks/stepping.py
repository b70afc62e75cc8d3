"""Steps of a network one at a time, and its state as one array of numbers a row, as signatures take and give it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

STATE = tf.TensorSpec([None, None], tf.float32, "state")
"""The state of streams in a signature; `[rows, 0]` is the start."""
Step = Callable[[tf.Tensor, Any], tuple[Any, Any]]
"""A step: `(its number, the state before it) -> (outputs, the state after it)`, of all rows."""


def flattened(state: Any) -> tf.Tensor:
    """A nest of `[rows, ...]` tensors as one, float32 `[rows, numbers]`."""
    parts = [tf.cast(x, tf.float32) for x in tf.nest.flatten(state)]
    return tf.concat([tf.reshape(x, (tf.shape(x)[0], x.shape[1:].num_elements())) for x in parts], 1)


def restored(flat: tf.Tensor, like: Any) -> Any:
    """A nest that `flattened` has made one array of.

    Args:
        flat: `[rows, numbers]`; `[rows, 0]` gives zeros, the start.
        like: A nest of tensors with the shapes and types of the result, such as the initial state.

    Raises:
        tf.errors.InvalidArgumentError: There are other numbers than `flattened` makes of `like`.
    """
    sizes = [x.shape[1:].num_elements() for x in tf.nest.flatten(like)]
    given, all_of_them = tf.shape(flat)[1], sum(sizes)
    said = ["state: numbers in a row:", given, "of:", all_of_them, "give the state of the step before, or none"]
    with tf.control_dependencies([tf.debugging.Assert((given == 0) | (given == all_of_them), said)]):
        flat = tf.pad(flat, [[0, 0], [0, all_of_them - given]])
    parts = zip(tf.split(flat, sizes, 1), tf.nest.flatten(like))
    return tf.nest.pack_sequence_as(like, [tf.cast(tf.reshape(x, tf.shape(one)), one.dtype) for x, one in parts])


def chosen(which: tf.Tensor, new: Any, old: Any) -> Any:
    """The rows of a nest from `new` or from `old`, of the shapes that `old` has; `which` is bool `[rows]`."""

    def one(new: tf.Tensor, old: tf.Tensor) -> tf.Tensor:
        return tf.where(which[(..., *[None] * (old.shape.rank - 1))], tf.ensure_shape(new, old.shape), old)

    return tf.nest.pack_sequence_as(old, [one(*pair) for pair in zip(tf.nest.flatten(new), tf.nest.flatten(old))])


def walked(step: Step, state: Any, lengths: tf.Tensor, *, like: Any) -> tuple[Any, Any]:
    """Makes steps until the longest row is at its end; a row that ends before keeps its state.

    Args:
        step: One step.
        state: The state before the first, a nest of `[rows, ...]`.
        lengths: The steps of each row, int32 `[rows]`.
        like: Tensors of the shapes and types of a step's outputs, `[rows, ...]`.

    Returns:
        The outputs, a nest of `[rows, steps, ...]` of at least one step, and the state of each row after its last step.
    """
    steps = tf.reduce_max(tf.pad(lengths, [[0, 1]], constant_values=1))
    arrays = [tf.TensorArray(x.dtype, steps, element_shape=x.shape) for x in tf.nest.flatten(like)]

    def body(t: tf.Tensor, state: Any, arrays: list[tf.TensorArray]) -> tuple:
        outputs, after = step(t, state)
        arrays = [array.write(t, x) for array, x in zip(arrays, tf.nest.flatten(outputs))]
        return t + 1, chosen(t < lengths, after, state), arrays

    _, state, arrays = tf.while_loop(lambda t, *_: t < steps, body, (0, state, arrays), parallel_iterations=1)
    rows = tf.shape(lengths)[0]

    def lanes(array: tf.TensorArray, one: tf.Tensor) -> tf.Tensor:
        stacked = tf.reshape(array.stack(), tf.concat([[steps, rows], tf.shape(one)[1:]], 0))
        return tf.transpose(stacked, (1, 0, *range(2, one.shape.rank + 1)))

    flat = [lanes(*pair) for pair in zip(arrays, tf.nest.flatten(like))]
    return tf.nest.pack_sequence_as(like, flat), state
