"""The gated recurrent unit."""

from __future__ import annotations

import keras
import tensorflow as tf

from common.cells.cell import Cell, Gate, Step, Weights


def _forward(projected, product, previous, *, activation, more):
    units = previous[0].shape[1]
    gates = tf.sigmoid(projected[:, : 2 * units] + product[:, : 2 * units])
    z, r = tf.split(gates, 2, axis=1)
    candidate = product[:, 2 * units :]
    g = activation.function(projected[:, 2 * units :] + r * candidate)
    return (g + z * (previous[0] - g),), (z, r, g, candidate)


def _backward(d_state, previous, state, *, saved, activation, more):
    dh = d_state[0]
    z, r, g, candidate = saved
    dg = dh * (1 - z) * activation.derivative(g)
    dz = dh * (previous[0] - g) * z * (1 - z)
    dr = dg * candidate * r * (1 - r)
    return tf.concat([dz, dr, dg], 1), tf.concat([dz, dr, dg * r], 1), (dh * z,)


GRU = Cell(
    step=Step(_forward, _backward, saves=4),
    keras_cell=keras.layers.GRUCell,
    weights=lambda kernel, recurrent, bias: Weights(kernel, recurrent, bias[0], (bias[1],)),
    gates=(Gate("update gate", saved=0), Gate("reset gate", saved=1)),
)
"""Cho et al. (2014), "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine Translation",
with the reset gate after the product (`reset_after=True`), as in `keras.layers.GRUCell`."""
