"""Windows of whole sequences, a row each, as a saved model reads them."""

from __future__ import annotations

import tensorflow as tf


def keep_of_whole(lengths: tf.Tensor, steps: int | tf.Tensor, dtype: str = "float32") -> tf.Tensor:
    """The keep flags of rows that each hold one whole sequence and then blank steps.

    They are those that `common.streams.Stream` gives for the same steps. The blank steps have 0 as well, because a
    backward recurrence must start at a sequence's own last step.

    Args:
        lengths: Steps of each sequence, `[rows]`.
        steps: Of a row.
        dtype: Of the flags.

    Returns:
        `[rows, steps]`.
    """
    inside = tf.sequence_mask(lengths, steps, dtype)
    return inside * tf.cast(tf.range(steps) > 0, dtype)
