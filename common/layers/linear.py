"""A linear classifier over n-grams, as a layer whose state is carried from step to step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from common.cells.cell import State
from common.layers.base import Configured, register
from common.layers.readout import running_sum
from common.layers.scan import time_major


@register
class NgramClassifier(Configured, keras.layers.Layer):
    """The classes of a sequence so far, by a linear classifier over the n-grams in it.

    The score of class k after some steps is `sum(c[g, k]) / sqrt(sum(s[g])) + bias[k]`. Both sums are over the n-grams
    g that end at these steps, so they are all that is carried. The probabilities of the classes are the logistic
    function of the scores, brought to a sum of 1. `common.networks.linear` fits the weights; training does not change
    them.

    Args:
        sizes: How many n-grams of each length are known, those of one token first.
        classes: Number of classes.

    Call arguments:
        window: Dictionary with `tokens`, int32 `[batch, time, len(sizes)]`, the n-grams that end at each step; `keep`,
            `[batch, time]`; and perhaps `output_steps`, int32 `[batch, slots]`.
        state: The sums before the window.

    Returns:
        Log-probabilities, `[batch, time, classes]`, or `[batch, slots, classes]` with `output_steps`, and the state
        after the window.
    """

    def __init__(self, sizes: Sequence[int], classes: int, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.sizes = tuple(sizes)
        self.classes = classes

    def build(self, window_shape: Any = None) -> None:
        fixed = {"initializer": "zeros", "trainable": False}
        self.of_ngrams = [
            self.add_weight(name=f"of_{n}_grams", shape=(size, self.classes + 1), **fixed)
            for n, size in enumerate(self.sizes, 1)
        ]
        self.bias = self.add_weight(name="bias", shape=(self.classes,), **fixed)

    def initial_state(self, batch_size: int | tf.Tensor) -> State:
        return (tf.zeros((batch_size, self.classes + 1), self.variable_dtype),)

    def call(self, window: dict[str, tf.Tensor], *, state: State) -> tuple[tf.Tensor, State]:
        numbers = window["tokens"]
        found = tf.add_n([tf.gather(table.value, numbers[..., n]) for n, table in enumerate(self.of_ngrams)])
        keep = tf.cast(tf.transpose(window["keep"]), found.dtype)
        sums = running_sum(time_major(found), keep, state[0])  # [time, batch, classes + 1]
        so_far = time_major(sums)
        if "output_steps" in window:
            so_far = tf.gather(so_far, window["output_steps"], batch_dims=1)
        scores = tf.math.divide_no_nan(so_far[..., :-1], tf.sqrt(so_far[..., -1:])) + self.bias
        return tf.nn.log_softmax(tf.math.log_sigmoid(scores)), (sums[-1],)
