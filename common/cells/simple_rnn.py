"""The simple recurrent network."""

from __future__ import annotations

import keras
import tensorflow as tf

from common.cells.cell import Cell, Step, Weights


def _forward(projected, product, previous, *, activation, more):
    return (activation.function(projected + product),), ()


def _backward(d_state, previous, state, *, saved, activation, more):
    d = d_state[0] * activation.derivative(state[0])
    return d, d, (tf.zeros_like(d),)


SIMPLE_RNN = Cell(step=Step(_forward, _backward), keras_cell=keras.layers.SimpleRNNCell, weights=Weights)
"""Elman (1990), "Finding Structure in Time", as in `keras.layers.SimpleRNNCell`."""
