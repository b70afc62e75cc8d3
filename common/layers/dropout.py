"""Dropout of units and of tokens that is fixed within a sequence."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from common.layers.base import Configured, register
from common.layers.masks import uniform_of, variational_mask


@register
class VariationalDropout(Configured, keras.layers.Layer):
    """Dropout whose mask is fixed within a sequence, across windows; see `variational_mask`.

    Args:
        rate: Share of units dropped while training.
        seed: Fixes the masks.

    Call arguments:
        inputs: `[batch, time, units]`.
        sequence: int32 `[batch, time]`.
        training: Whether to drop.
    """

    def __init__(self, rate: float, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.seed = seed

    def call(self, inputs: tf.Tensor, sequence: tf.Tensor | None = None, training: bool = False) -> tf.Tensor:
        if not training or not self.rate:
            return inputs
        return inputs * variational_mask(sequence, inputs.shape[-1], rate=self.rate, seed=self.seed, dtype=inputs.dtype)


UNKNOWN = 1
"""The number of a token that is not known; 0 is none."""


@register
class TokenDropout(Configured, keras.layers.Layer):
    """Replaces tokens by 1, the unknown token, so that no output depends on a single token.

    Either all occurrences of a token in a sequence are replaced or none, across windows (the embedding dropout of Gal
    & Ghahramani 2016, section 4.2).

    Args:
        rate: Share of the tokens of a sequence replaced while training.
        seed: Fixes which tokens are replaced.

    Call arguments:
        inputs: int32 `[batch, time]` or `[batch, time, kinds]`; kinds of tokens are replaced independently.
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
        if len(inputs.shape) == 2:
            drawn = uniform_of(sequence, inputs, seed=self.seed)
        else:
            kinds = tf.range(inputs.shape[-1], dtype=tf.int32)
            drawn = uniform_of(sequence[..., None], inputs, kinds, seed=self.seed)
        return tf.where((drawn < self.rate) & (inputs > 0), UNKNOWN, inputs)


@register
class VectorDropout(Configured, keras.layers.Layer):
    """Dropout of whole vectors of tokens, the same for all occurrences of a token in a sequence, across windows.

    (Gal & Ghahramani 2016, section 4.2; the vectors that are left are scaled up.)

    Args:
        rate: Share of the tokens of a sequence whose vectors are dropped while training.
        seed: Fixes which.

    Call arguments:
        inputs: The vectors, `[batch, time, units]`.
        tokens: int32 `[batch, time]`.
        sequence: int32 `[batch, time]`.
        training: Whether to drop.
    """

    def __init__(self, rate: float, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.seed = seed

    def call(
        self, inputs: tf.Tensor, *, tokens: tf.Tensor, sequence: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        if not training or not self.rate:
            return inputs
        kept = uniform_of(sequence, tokens, seed=self.seed) >= self.rate
        return inputs * (tf.cast(kept, inputs.dtype) / (1 - self.rate))[..., None]
