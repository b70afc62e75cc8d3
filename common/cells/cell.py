"""What the layers need to know of a recurrent cell: its Keras cell, its step forward and backward, its gate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import keras
import tensorflow as tf

register = keras.saving.register_keras_serializable("sequence_suite")
"""Registers a Keras class under a name that saved configurations keep."""

State = tuple[tf.Tensor, ...]
"""Tensors `[lanes, units]`, the hidden state first."""


class Activation(NamedTuple):
    """An elementwise function and its derivative, written in terms of the function's own output."""

    function: Callable[[tf.Tensor], tf.Tensor]
    derivative: Callable[[tf.Tensor], tf.Tensor]


ACTIVATIONS = {
    "tanh": Activation(tf.tanh, lambda y: 1 - y * y),
    "relu": Activation(tf.nn.relu, lambda y: tf.cast(y > 0, y.dtype)),
    "sigmoid": Activation(tf.sigmoid, lambda y: y * (1 - y)),
}


class Weights(NamedTuple):
    """The weights of a cell, as the scan reads them.

    Attributes:
        kernel: The weights of the inputs, `[features, gates * units]`.
        recurrent: The weights of the previous hidden state, `[units, gates * units]`.
        bias: `[gates * units]`.
        recurrent_bias: The bias of the recurrent product, one `[gates * units]`, for a step that reads this product
            separately; empty for other steps.
        more: What the step reads in addition to these weights.
    """

    kernel: tf.Tensor
    recurrent: tf.Tensor
    bias: tf.Tensor
    recurrent_bias: tuple[tf.Tensor, ...] = ()
    more: tuple[tf.Tensor, ...] = ()


def _no_more(d_projected: tf.Tensor, previous: State, state: State, *, saved: State) -> tuple[tf.Tensor, ...]:
    return ()


class Step(NamedTuple):
    """The step of a cell, forward and backward.

    Attributes:
        forward: `(projected, product, previous, *, activation, more) -> (state, saved)`. `projected` is the inputs
            times the kernel, plus the bias. `product` is the masked previous hidden state times the recurrent kernel,
            plus the recurrent bias. Both are `[lanes, gates * units]`. `more` is `Weights.more`. `saved` is a tuple of
            tensors `[lanes, any]` that the step backward needs in addition to the states. Save each gate separately:
            XLA does not vectorise a loop that slices one saved tensor at several places.
        backward: `(d_state, previous, state, *, saved, activation, more) -> (d_projected, d_product, d_previous)`,
            the gradients that do not pass through the recurrent product.
        saves: How many tensors the step forward saves.
        more_gradients: `(d_projected, previous, state, *, saved) -> gradients of more`. It gets all steps at once,
            `[time, lanes, any]`.
    """

    forward: Callable[..., tuple[State, tuple[tf.Tensor, ...]]]
    backward: Callable[..., tuple[tf.Tensor, tf.Tensor, State]]
    saves: int = 0
    more_gradients: Callable[..., tuple[tf.Tensor, ...]] = _no_more


class Gate(NamedTuple):
    """A gate of a cell.

    Attributes:
        name: The usual name of the gate, such as `"forget gate"`.
        saved: Index of the gate's activations, `[lanes, units]`, among the tensors that the step forward saves.
    """

    name: str
    saved: int


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What the layers need to know of a cell.

    Attributes:
        step: The step forward and backward.
        keras_cell: The Keras cell class that holds weights, initialisers and configuration.
        weights: Turns the weights of that Keras cell, in their order, into `Weights`.
        states: How many state tensors the cell carries; the hidden state is the first.
        gates: The gates. The first is the one that decides how much of the old state is kept.
    """

    step: Step
    keras_cell: type[keras.layers.Layer]
    weights: Callable[..., Weights]
    states: int = 1
    gates: tuple[Gate, ...] = ()
