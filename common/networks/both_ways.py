"""A network that reads sequences from both ends: the mean of two, each of which learns by itself."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from common.layers.base import register
from common.layers.stack import RecurrentStack
from common.networks.network import Network, Part
from common.networks.stream import StreamNetwork

BACKWARD = "backward"
"""The name in a window of what the second network reads in place of `tokens`."""


@register
class BothWays(Network):
    """Two networks with class probabilities, of which one reads each sequence from its end; the answer is their mean.

    Unlike a bidirectional stack it carries both states from window to window: `backward` is made of whole sequences, so
    that the second network too begins where a sequence begins on its lane.

    Args:
        forward: The network that reads `tokens`.
        backward: The network that reads `backward` in their place.

    Call arguments: those of `Network`; the state is a pair, one of each network.
        probes: Further arguments of `forward`.

    Returns:
        Probabilities, `[batch, time or slots, classes]`, and the state. In training there is an axis of both networks
        before the classes, so that each has a loss of its own, see `LossOfBoth`.
    """

    def __init__(self, forward: StreamNetwork, backward: StreamNetwork, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)  # The state keeps its type.
        self.forward = forward
        self.backward = backward

    @property
    def stack(self) -> RecurrentStack:
        return self.forward.stack

    def readers(self) -> tuple[StreamNetwork, ...]:
        return self.forward, self.backward

    def build(self, window_shape: Any = None) -> None:
        for network in self.readers():
            network.build()

    def initial_state(self, batch_size: int | tf.Tensor) -> tuple:
        return self.forward.initial_state(batch_size), self.backward.initial_state(batch_size)

    def features(self, window: Part, training: bool = False) -> tf.Tensor:
        return self.forward.features(window, training)

    def call(self, window: Part, state: tuple | None = None, training: bool = False, **probes: Any) -> tuple:
        of_forward, of_backward = state or (None, None)
        turned = window | {"tokens": window[BACKWARD]}
        first, of_forward = self.forward(window, state=of_forward, training=training, **probes)
        second, of_backward = self.backward(turned, state=of_backward, training=training)
        both = tf.stack([first, second], -2)  # [batch, time or slots, networks, classes]
        return both if training else tf.reduce_mean(both, -2), (of_forward, of_backward)


@register
class LossOfBoth(keras.losses.Loss):
    """The cross-entropy of classes; in the training of `BothWays` the mean of those of its networks."""

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        if y_pred.shape.rank == y_true.shape.rank + 1:
            return keras.losses.sparse_categorical_crossentropy(y_true, y_pred)
        of_each = [keras.losses.sparse_categorical_crossentropy(y_true, one) for one in tf.unstack(y_pred, axis=-2)]
        return tf.add_n(of_each) / len(of_each)


def accuracy_of_both(y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
    """A metric: the accuracy of the mean of both networks."""
    mean = y_pred if y_pred.shape.rank == y_true.shape.rank + 1 else tf.reduce_mean(y_pred, -2)
    return keras.metrics.sparse_categorical_accuracy(y_true, mean)


accuracy_of_both.__name__ = "accuracy"  # By which Keras names it in the logs.


def turned(tokens: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Tokens of texts end to end, `[steps, ...]`, from each text's end; start and end marks stay where they are.

    Args:
        tokens: The tokens, each text with its start and its end.
        lengths: The steps of each text, `[texts]`.
    """
    steps, ends = np.arange(len(tokens)), np.repeat(np.cumsum(lengths) - 1, lengths)
    starts = ends - np.repeat(lengths, lengths) + 1
    return tokens[np.where((steps > starts) & (steps < ends), starts + ends - steps, steps)]


def turned_rows(tokens: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """The same of texts in rows, `[N, time, ...]`, of so many steps, `[N]`."""
    inside = tf.maximum(lengths - 2, 0)
    return tf.concat([tokens[:, :1], tf.reverse_sequence(tokens[:, 1:], inside, seq_axis=1)], 1)
