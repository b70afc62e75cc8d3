"""The Jordan network; its Keras cell owns the weights, and the cell's `call` is the definition of a step."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from common.cells.cell import Cell, Step, Weights, register


def _forward(projected, product, previous, *, activation, more):
    (out,) = more  # [units, units]
    hidden, output = tf.split(projected + product, 2, axis=1)
    hidden = activation.function(hidden)
    return (activation.function(tf.matmul(hidden, out) + output),), (hidden,)


def _backward(d_state, previous, state, *, saved, activation, more):
    ((out,), (hidden,)) = more, saved
    d_output = d_state[0] * activation.derivative(state[0])
    d_hidden = tf.matmul(d_output, out, transpose_b=True) * activation.derivative(hidden)
    d = tf.concat([d_hidden, d_output], 1)
    return d, d, (tf.zeros_like(d_state[0]),)


def _out_gradients(d_projected, previous, state, *, saved):
    _, d_output = tf.split(d_projected, 2, axis=2)
    return (tf.einsum("tli,tlj->ij", saved[0], d_output),)


def _weights(kernel: tf.Tensor, recurrent: tf.Tensor, *others: tf.Tensor) -> Weights:
    """The scan's sums hold what the hidden layer reads, and then what the output reads beside that layer: a bias."""
    bias, out = others
    return Weights(*(tf.concat([w, tf.zeros_like(w)], 1) for w in (kernel, recurrent)), bias, more=(out,))


@register
class JordanCell(keras.layers.SimpleRNNCell):
    """A hidden layer that sees the inputs and the last outputs, and a layer of outputs, which are all that is carried.

    `hidden = f(x W + output U + b)`, `output = f(hidden V + c)` (Jordan 1986, "Serial Order: A Parallel Distributed
    Processing Approach", ICS Report 8604, without the decay of his state units). Arguments are those of
    `keras.layers.SimpleRNNCell`. The weights are W, U, the biases b and c side by side, `[2 * units]`, and V.

    Call arguments:
        inputs: `[batch, features]`.
        states: The last outputs, `[batch, units]`.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        square = (self.units, self.units)
        shapes = {
            "kernel": ((input_shape[-1], self.units), self.kernel_initializer),
            "recurrent_kernel": (square, self.recurrent_initializer),
            "bias": ((2 * self.units,), self.bias_initializer),
            "out": (square, self.kernel_initializer),
        }
        self.bias = None
        for name, (shape, initializer) in shapes.items():
            if self.use_bias or name != "bias":
                setattr(self, name, self.add_weight(name=name, shape=shape, initializer=initializer))
        self.built = True

    def call(self, inputs: Any, states: list[Any], training: bool = False) -> tuple[Any, list[Any]]:
        ops = keras.ops
        (before,) = states
        if training and self.dropout:
            inputs = inputs * self.get_dropout_mask(inputs)
        masked = before * self.get_recurrent_dropout_mask(before) if training and self.recurrent_dropout else before
        b, c = ops.split(self.bias, 2) if self.use_bias else (0.0, 0.0)
        hidden = self.activation(ops.matmul(inputs, self.kernel) + ops.matmul(masked, self.recurrent_kernel) + b)
        output = self.activation(ops.matmul(hidden, self.out) + c)
        return output, [output]


JORDAN = Cell(
    step=Step(_forward, _backward, saves=1, more_gradients=_out_gradients), keras_cell=JordanCell, weights=_weights
)
"""Jordan (1986), see `JordanCell`."""
