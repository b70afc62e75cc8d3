"""The loss of a forecast: the error of its mean and the pinball loss of its quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf


class ForecastLoss(keras.losses.Loss):
    """Error of the mean and pinball loss of the quantiles, over the steps ahead whose values are not missing.

    Args:
        quantiles: Levels of the quantiles (Koenker & Bassett 1978, "Regression Quantiles").
        point: The error of the mean, `"mse"` or `"mae"`.

    Call arguments:
        y_true: `[batch, time, horizon]`; NaN where missing.
        y_pred: `[batch, time, horizon, 1 + quantiles]`.
    """

    def __init__(
        self, quantiles: Sequence[float], *, point: str = "mse", name: str = "forecast", **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.quantiles = tuple(quantiles)
        self.point = point

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        present = tf.math.is_finite(y_true)
        error = tf.where(present, y_true, 0.0)[..., None] - y_pred
        mean, quantile = error[..., 0], error[..., 1:]
        levels = tf.constant(self.quantiles, error.dtype)
        pinball = tf.reduce_sum(tf.maximum(levels * quantile, (levels - 1) * quantile), -1)
        each = (tf.square(mean) if self.point == "mse" else tf.abs(mean)) + pinball
        counted = tf.cast(present, error.dtype)
        return tf.reduce_sum(each * counted, -1) / tf.maximum(tf.reduce_sum(counted, -1), 1.0)
