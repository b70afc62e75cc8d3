"""Windows of whole sequences, one per row, as a saved model reads them."""

from __future__ import annotations

import tensorflow as tf


def keep_of_whole(lengths: tf.Tensor, steps: int | tf.Tensor, dtype: str = "float32") -> tf.Tensor:
    """The keep flags of rows that each hold one whole sequence and then blank steps.

    The flags are equal to those of `common.streams.Stream` for the same steps. Blank steps have 0 as well, because a
    backward recurrence must start at a sequence's own last step.

    Args:
        lengths: Steps of each sequence, `[rows]`.
        steps: Number of steps of a row.
        dtype: The type of the flags.

    Returns:
        The flags, `[rows, steps]`.
    """
    inside = tf.sequence_mask(lengths, steps, dtype)
    return inside * tf.cast(tf.range(steps) > 0, dtype)
