"""The LSTM with peepholes; its Keras cell owns the weights, and the cell's `call` is the definition of a step."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from common.cells.cell import Cell, Gate, Step, Weights, register


def _forward(projected, product, previous, *, activation, more):
    (peepholes,) = more  # [3, units]
    i, f, g, o = tf.split(projected + product, 4, axis=1)
    i = tf.sigmoid(i + peepholes[0] * previous[1])
    f = tf.sigmoid(f + peepholes[1] * previous[1])
    g = activation.function(g)
    c = f * previous[1] + i * g
    o = tf.sigmoid(o + peepholes[2] * c)
    return (o * activation.function(c), c), (i, f, g, o)


def _backward(d_state, previous, state, *, saved, activation, more):
    (peepholes,) = more
    dh, dc = d_state
    i, f, g, o = saved
    a = activation.function(state[1])
    d_o = dh * a * o * (1 - o)
    dc = dc + dh * o * activation.derivative(a) + d_o * peepholes[2]
    d_i, d_f = dc * g * i * (1 - i), dc * previous[1] * f * (1 - f)
    d = tf.concat([d_i, d_f, dc * i * activation.derivative(g), d_o], 1)
    return d, d, (tf.zeros_like(dh), dc * f + d_i * peepholes[0] + d_f * peepholes[1])


def _peephole_gradients(d_projected, previous, state, *, saved):
    d_i, d_f, _, d_o = tf.split(d_projected, 4, axis=2)
    seen = (d_i * previous[1], d_f * previous[1], d_o * state[1])
    return (tf.stack([tf.reduce_sum(d, (0, 1)) for d in seen]),)


@register
class PeepholeLSTMCell(keras.layers.LSTMCell):
    """An LSTM whose gates also see the cell state; each unit sees its own cell only, by weights that start at zero.

    Arguments and weights are those of `keras.layers.LSTMCell`; with zero peepholes the two cells are the same. A
    fourth weight, `[3, units]`, holds the peepholes of the input, forget and output gate. Input and forget gate see
    the cell state before the step, the output gate the one after it (Gers & Schmidhuber 2000, "Recurrent Nets that
    Time and Count", IJCNN).

    Call arguments:
        inputs: `[batch, features]`.
        states: Hidden and cell state, each `[batch, units]`.
    """

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(units, **options)
        self.dropout_mask_count = None  # One mask for all gates, not one for each.

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        self.peepholes = self.add_weight(shape=(3, self.units), name="peepholes", initializer="zeros")

    def call(self, inputs: Any, states: list[Any], training: bool = False) -> tuple[Any, list[Any]]:
        ops = keras.ops
        h, c = states
        if training and self.dropout:
            inputs = inputs * self.get_dropout_mask(inputs)
        masked = h * self.get_recurrent_dropout_mask(h) if training and self.recurrent_dropout else h
        sums = ops.matmul(inputs, self.kernel) + ops.matmul(masked, self.recurrent_kernel)
        i, f, g, o = ops.split(sums + self.bias if self.use_bias else sums, 4, axis=1)
        i = self.recurrent_activation(i + self.peepholes[0] * c)
        f = self.recurrent_activation(f + self.peepholes[1] * c)
        c = f * c + i * self.activation(g)
        o = self.recurrent_activation(o + self.peepholes[2] * c)
        h = o * self.activation(c)
        return h, [h, c]


PEEPHOLE_LSTM = Cell(
    step=Step(_forward, _backward, saves=4, more_gradients=_peephole_gradients),
    keras_cell=PeepholeLSTMCell,
    weights=lambda kernel, recurrent, bias, peepholes: Weights(kernel, recurrent, bias, more=(peepholes,)),
    states=2,
    gates=(Gate("forget gate", saved=1), Gate("input gate", saved=0), Gate("output gate", saved=3)),
)
"""Gers & Schmidhuber (2000), see `PeepholeLSTMCell`."""
