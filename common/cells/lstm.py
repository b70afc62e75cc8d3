"""The long short-term memory."""

from __future__ import annotations

import keras
import tensorflow as tf

from common.cells.cell import ACTIVATIONS, Activation, Cell, Gate, Step, Weights


def _gates(x: tf.Tensor, activation: Activation) -> list[tf.Tensor]:
    """The sigmoid gates and the activated candidate, i, f, g, o, from their sums, `[lanes, 4 * units]`."""
    if activation is not ACTIVATIONS["tanh"] or x.dtype not in (tf.float32, tf.float64):
        i, f, g, o = tf.split(x, 4, axis=1)
        return [tf.sigmoid(i), tf.sigmoid(f), activation.function(g), tf.sigmoid(o)]
    # sigmoid(x) = tanh(x / 2) / 2 + 1 / 2, so that all gates are a single pass. Half precision would lose small gates.
    scale = tf.repeat(tf.constant([0.5, 0.5, 1, 0.5], x.dtype), x.shape[1] // 4)
    return tf.split(tf.tanh(x * scale) * scale + (1 - scale), 4, axis=1)


def _forward(projected, product, previous, *, activation, more):
    i, f, g, o = _gates(projected + product, activation)
    c = f * previous[1] + i * g
    return (o * activation.function(c), c), (i, f, g, o)


def _backward(d_state, previous, state, *, saved, activation, more):
    dh, dc = d_state
    i, f, g, o = saved
    a = activation.function(state[1])
    dc = dc + dh * o * activation.derivative(a)
    d = tf.concat(
        [dc * g * i * (1 - i), dc * previous[1] * f * (1 - f), dc * i * activation.derivative(g), dh * a * o * (1 - o)],
        axis=1,
    )
    return d, d, (tf.zeros_like(dh), dc * f)


LSTM = Cell(
    step=Step(_forward, _backward, saves=4),
    keras_cell=keras.layers.LSTMCell,
    weights=Weights,
    states=2,
    gates=(Gate("forget gate", saved=1), Gate("input gate", saved=0), Gate("output gate", saved=3)),
)
"""Gers, Schmidhuber & Cummins (2000), "Learning to Forget: Continual Prediction with LSTM", gates in Keras order,
i, f, g, o, as in `keras.layers.LSTMCell`."""
