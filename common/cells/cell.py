"""What the layers need to know of a recurrent cell: its Keras cell, its step forward and backward, its gate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import tensorflow as tf

if TYPE_CHECKING:
    import keras


class Gate(NamedTuple):
    """A gate that says how much of the old state a cell keeps.

    Attributes:
        name: In the field's words.
        saved: Which of what the scan's step forward saves is the gate's activations, `[lanes, units]`.
    """

    name: str
    saved: int


@dataclass(frozen=True)
class Cell:
    """What the layers need to know of a cell.

    Attributes:
        step: The forward and backward step for `common.scan.scan`.
        keras_cell: The Keras cell class that holds weights, initialisers and configuration.
        weights: From that cell's weights, in their order, to those of the scan.
        states: How many state tensors the cell carries; the hidden state is the first.
        gate: What decides how much of the old state is kept; None where nothing does.
    """

    step: Step
    keras_cell: type[keras.layers.Layer]
    weights: Callable[..., Weights]
    states: int = 1
    gate: Gate | None = None


State = tuple[tf.Tensor, ...]


class Activation(NamedTuple):
    """An elementwise function and its derivative, written in terms of the function's own output."""

    function: Callable[[tf.Tensor], tf.Tensor]
    derivative: Callable[[tf.Tensor], tf.Tensor]


ACTIVATIONS = {
    "tanh": Activation(tf.tanh, lambda y: 1 - y * y),
    "relu": Activation(tf.nn.relu, lambda y: tf.cast(y > 0, y.dtype)),
    "sigmoid": Activation(tf.sigmoid, lambda y: y * (1 - y)),
}


def _no_more(d_projected: tf.Tensor, previous: State, state: State) -> tuple[tf.Tensor, ...]:
    return ()


class Step(NamedTuple):
    """One cell's step, forward and backward.

    Attributes:
        forward: `(projected, product, previous, activation, more) -> (state, saved)`. `projected` is the inputs
            times the kernel plus bias and `product` the masked previous hidden state times the recurrent kernel
            plus its own bias, both `[lanes, gates * units]`; `more` are the weights beside those, and `saved`
            what the step backward wants beside the states, a tuple of `[lanes, any]`; apart from each other what it
            reads apart, for XLA does not vectorise a loop that slices one saved tensor at several places.
        backward: `(d_state, previous, state, saved, activation, more) -> (d_projected, d_product, d_previous)`,
            the gradients that do not pass through the recurrent product.
        saves: How many tensors the step forward saves.
        more_gradients: `(d_projected, previous, state) -> gradients of more`, from all steps at once,
            `[time, lanes, any]`.
    """

    forward: Callable[..., tuple[State, tuple[tf.Tensor, ...]]]
    backward: Callable[..., tuple[tf.Tensor, tf.Tensor, State]]
    saves: int = 0
    more_gradients: Callable[..., tuple[tf.Tensor, ...]] = _no_more


class Weights(NamedTuple):
    """A cell's weights.

    Attributes:
        kernel: Of the inputs, `[features, gates * units]`.
        recurrent: Of the previous hidden state, `[units, gates * units]`.
        bias: `[gates * units]`.
        recurrent_bias: Of the recurrent product, one `[gates * units]`, where the step keeps that product apart.
        more: What the step reads beside these.
    """

    kernel: tf.Tensor
    recurrent: tf.Tensor
    bias: tf.Tensor
    recurrent_bias: tuple[tf.Tensor, ...] = ()
    more: tuple[tf.Tensor, ...] = ()
