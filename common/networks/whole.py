"""Windows of whole sequences, one per row, as a saved model reads them."""

from __future__ import annotations

import tensorflow as tf

from common.networks.network import Part


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


def whole_window(inputs: Part, lengths: tf.Tensor, *, outputs_at_end: bool = False) -> Part:
    """The window of rows that each hold one whole sequence.

    Args:
        inputs: What the network reads at each step, by name, each `[rows, steps, ...]`.
        lengths: Steps of each sequence, `[rows]`.
        outputs_at_end: Whether outputs are needed only at the last step of each sequence.

    Returns:
        What `common.streams.Stream.window_at` gives for the same steps. Only the sequence numbers, which fix dropout
        masks, are all 0: nothing is dropped when a model serves.
    """
    steps = tf.shape(next(iter(inputs.values())))[1]
    keep = keep_of_whole(lengths, steps)
    window = inputs | {"keep": keep, "sequence": tf.zeros_like(keep, tf.int32)}
    if outputs_at_end:
        window["output_steps"] = tf.cast(lengths[:, None] - 1, tf.int32)
    return window


def known_share(window: Part, opening: int = 0) -> tf.Tensor:
    """The share of each text's tokens that are in the vocabulary: `[N]`, 0 for an empty text.

    The end mark and the `opening` marks at the beginning are left aside.
    """
    lengths = window["output_steps"][:, 0] - opening  # The end mark is at the output's step.
    numbers = window["tokens"][:, opening:, 0]
    known = (numbers > 1) & tf.sequence_mask(lengths, tf.shape(numbers)[1])
    return tf.math.divide_no_nan(tf.reduce_sum(tf.cast(known, tf.float32), 1), tf.cast(lengths, tf.float32))
