"""What every layer here shares."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

register = keras.saving.register_keras_serializable("sequence_suite")


def shape_of(x: tf.Tensor) -> list[Any]:
    """The shape of a tensor, as numbers where they are known."""
    dynamic = tf.shape(x)
    return [dynamic[n] if size is None else size for n, size in enumerate(x.shape)]


def under_xla(wanted: bool, inputs: tf.Tensor) -> bool:
    """XLA needs a graph and a known batch; it compiles anew for each length met. `inputs [batch, time, ...]`."""
    return wanted and inputs.shape[0] is not None and not tf.executing_eagerly()
