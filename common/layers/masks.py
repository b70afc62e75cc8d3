"""Hashed random numbers that are the same whenever they are drawn, and the dropout masks made of them."""

from __future__ import annotations

import tensorflow as tf

FACTORS = (0x3C6EF35, 0x2545F49)
"""Odd factors that spread the numbers of a step over 32 bits."""


def mixed_bits(x: tf.Tensor) -> tf.Tensor:
    """A bijective mixing of 32-bit integers (the `lowbias32` constants of C. Wellons' hash-prospector)."""
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, tf.constant(shift, tf.uint32)))
        x = x * tf.constant(factor, tf.uint32)
    return tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, tf.constant(16, tf.uint32)))


def number_of(sequence: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
    """A number for a place within a sequence, int32, to use instead of the sequence's in `uniform_of` and masks."""
    return sequence * FACTORS[1] + place


def uniform_of(sequence: tf.Tensor, *within: tf.Tensor, seed: int) -> tf.Tensor:
    """Uniform random numbers in [0, 1) that are a pure function of the arguments.

    Args:
        sequence: Numbers of sequences, int32.
        within: Up to two further int32 numbers, such as those of units, of shapes that broadcast with `sequence`.
        seed: Makes the numbers of different layers independent.

    Returns:
        float32, of the shape that all broadcast to.
    """
    numbers = tf.bitcast(mixed_bits(tf.bitcast(sequence, tf.uint32)), tf.int32)
    for number, factor in zip(within, FACTORS[: len(within)], strict=True):
        numbers += number * factor
    mixed = mixed_bits(tf.bitcast(numbers, tf.uint32) + mixed_bits(tf.constant(seed % 2**32, tf.uint32)))
    return tf.cast(tf.bitwise.right_shift(mixed, tf.constant(8, tf.uint32)), "float32") * 2.0**-24


def variational_mask(sequence: tf.Tensor, units: int, *, rate: float, seed: int, dtype: str = "float32") -> tf.Tensor:
    """Inverted-dropout masks that are drawn once for each sequence and stay fixed within it.

    The mask is a function of the sequence's number, not of the call: it is the same in every window the sequence
    crosses, when steps are recomputed, and after a resume (Gal & Ghahramani 2016, "A Theoretically Grounded
    Application of Dropout in Recurrent Neural Networks").

    Args:
        sequence: The number of the sequence at each step, int32, `[...]`.
        units: Width of the mask.
        rate: Share of units dropped.
        seed: Makes the masks of different layers independent.
        dtype: The type of the mask.

    Returns:
        `[..., units]`: 0 where dropped, `1 / (1 - rate)` elsewhere.
    """
    drawn = uniform_of(sequence[..., None], tf.range(units, dtype=tf.int32), seed=seed)
    return tf.cast(drawn >= rate, dtype) / (1 - rate)


def weight_mask(position: tf.Tensor, shape: tuple[int, int], *, rate: float, seed: int, dtype: str) -> tf.Tensor:
    """An inverted-dropout mask of weights, drawn once for a training step: all lanes have the same.

    (Merity, Keskar & Socher 2018, "Regularizing and Optimizing LSTM Language Models", section 2; after Wan et al. 2013,
    "Regularization of Neural Networks using DropConnect".)

    Args:
        position: A number of the step, int32.
        shape: That of the weights.
        rate: Share of weights dropped.
        seed: Makes the masks of different layers independent.
        dtype: The type of the mask.

    Returns:
        0 where dropped, `1 / (1 - rate)` elsewhere.
    """
    rows, columns = (tf.range(size, dtype=tf.int32) for size in shape)
    drawn = uniform_of(position, rows[:, None], columns, seed=seed)
    return tf.cast(drawn >= rate, dtype) / (1 - rate)
