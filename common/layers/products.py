"""Matrix products in a precision of their own."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf


class Product(NamedTuple):
    """A product of rounded factors, which has the type that the first factor had.

    TensorFlow sums in float32, and rounds the sums. (Micikevicius et al. 2018, "Mixed Precision Training"; bfloat16 has
    the range of float32, so no loss needs a scale: Kalamkar et al. 2019, "A Study of BFLOAT16 for Deep Learning
    Training".)

    Args:
        precision: The type to which factors are rounded, such as `"bfloat16"`; None leaves them as they are.
    """

    precision: str | None = None

    def rounded(self, x: tf.Tensor) -> tf.Tensor:
        """A factor, rounded: one of many products is rounded once."""
        return x if self.precision is None else tf.cast(x, self.precision)

    def __call__(self, a: tf.Tensor, b: tf.Tensor, **how: bool) -> tf.Tensor:
        """`tf.matmul`."""
        return tf.cast(tf.matmul(self.rounded(a), self.rounded(b), **how), a.dtype)
