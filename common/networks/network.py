"""The interface of a network for training, probes, decoding and serving."""

from __future__ import annotations

import math
from typing import NamedTuple

import keras
import tensorflow as tf

from common.layers.base import Configured
from common.layers.stack import RecurrentStack

Part = dict[str, tf.Tensor]


class Network(Configured, keras.layers.Layer):
    """A network over windows of packed streams.

    Its state comes in and goes out as tensors, so that one network serves training by windows, evaluation and export.

    Attributes:
        stack: The recurrence that probes examine; None if there are several.
        precision: That of products with the vectors of a vocabulary, see `common.layers.products.Product`.

    Call arguments:
        window: The inputs of some steps of a stream, by name: `keep` and `sequence`, `[batch, time]`, and what the
            network reads; see `common.streams.Stream.window_at`. In training also `position`, see `TBPTT`.
        state: The state before the window; None is zeros.
        training: Whether to drop.

    Returns:
        Outputs, `[batch, time, ...]`, or `[batch, slots, ...]` if the window has `output_steps`; and the state after
        the window.
    """

    stack: RecurrentStack | None = None
    precision: str | None = None

    def readers(self) -> tuple[Network, ...]:
        """The networks with an `embed`, a `stack` and a `head` that it is made of.

        No property: Keras follows these when it saves, and this one would have no end.
        """
        return (self,)

    def initial_state(self, batch_size: int | tf.Tensor) -> tuple:
        """The state before a sequence, any structure of `[batch, ...]` tensors."""
        raise NotImplementedError

    def features(self, window: Part, training: bool = False) -> tf.Tensor:
        """What `stack` reads, before dropout, `[batch, time, width]`."""
        raise NotImplementedError


def parameters(model: keras.layers.Layer) -> int:
    """How many parameters training fits."""
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


class Learner(NamedTuple):
    """What a task trains.

    Attributes:
        network: A fresh network.
        loss: A Keras loss, or its name.
        metrics: Keras metrics shown during training, or their names.
        gradually: Layers that know something already, in groups, the highest first: each group is trained from an
            epoch after the one before it, with a smaller step size, see `common.training.optimiser.LazyAdam`. Empty
            trains all alike.
    """

    network: Network
    loss: keras.losses.Loss | str
    metrics: tuple[keras.metrics.Metric | str, ...] = ()
    gradually: tuple[tuple[keras.layers.Layer, ...], ...] = ()


class OwnLoss(keras.losses.Loss):
    """The losses in a network's outputs, `y_pred[..., 0]`: for a network that holds its own targets."""

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        return y_pred[..., 0]


def own_accuracy(y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
    """A metric: the accuracies that a network returns with its losses, `y_pred[..., 1]`."""
    return y_pred[..., 1]


own_accuracy.__name__ = "accuracy"  # By which Keras names it in the logs.
