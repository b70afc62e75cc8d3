"""Dropout that is fixed within a sequence: of units, and of tokens."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from common.layers.base import register
from common.layers.masks import mixed_bits, uniform_of, variational_mask


@register
class VariationalDropout(keras.layers.Layer):
    """Dropout whose mask is fixed within a sequence, across windows; see `variational_mask`.

    Args:
        rate: Share of units dropped while training.
        seed: Fixes the masks.
        jit_compile: Whether masks are drawn under XLA: inside a graph, where the batch is known.

    Call arguments:
        inputs: `[batch, time, units]`.
        sequence: int32 `[batch, time]`.
        training: Whether to drop.
    """

    def __init__(self, rate: float, seed: int = 0, jit_compile: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.seed = seed
        self.jit_compile = jit_compile

    def call(self, inputs: tf.Tensor, sequence: tf.Tensor | None = None, training: bool = False) -> tf.Tensor:
        if not training or not self.rate:
            return inputs
        units = inputs.shape[-1]
        return inputs * variational_mask(sequence, units, self.rate, self.seed, inputs.dtype, self.jit_compile)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"rate": self.rate, "seed": self.seed, "jit_compile": self.jit_compile}


@register
class TokenDropout(keras.layers.Layer):
    """Replaces numbers by 1, the unknown, so that no output hangs on one of them.

    All occurrences of a number in a sequence share their fate, across windows (the embedding dropout of Gal &
    Ghahramani 2016, section 4.2).

    Args:
        rate: Share of the numbers of a sequence replaced while training.
        seed: Fixes which.

    Call arguments:
        inputs: int32 `[batch, time]` or `[batch, time, kinds]`; kinds are dropped apart from each other.
        sequence: int32 `[batch, time]`.
        training: Whether to replace.
    """

    def __init__(self, rate: float, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.seed = seed

    def call(self, inputs: tf.Tensor, sequence: tf.Tensor | None = None, training: bool = False) -> tf.Tensor:
        if not training or not self.rate:
            return inputs
        drawn = tf.bitcast(mixed_bits(tf.bitcast(sequence, tf.uint32)), tf.int32)
        kinds = tf.constant(0)
        if len(inputs.shape) == 3:
            drawn, kinds = drawn[..., None], tf.range(inputs.shape[-1], dtype=tf.int32)
        numbers = drawn + inputs * 0x3C6EF35 + kinds * 0x2545F49
        return tf.where((uniform_of(numbers, self.seed) < self.rate) & (inputs > 0), 1, inputs)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"rate": self.rate, "seed": self.seed}
