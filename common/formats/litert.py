"""Graphs of LiteRT: TensorFlow's operations, of which those are used that LiteRT has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from common.cells.cell import ACTIVATIONS, State
from common.formats.graph import Graph, weights
from common.formats.twin import BATCH, Input, Twin
from common.layers.scan import time_major

if TYPE_CHECKING:
    from common.layers.recurrent import Recurrent

OPERATIONS = {
    **{"exp": tf.exp, "log": tf.math.log, "sqrt": tf.sqrt},
    **{name: activation.function for name, activation in ACTIVATIONS.items()},
}


class TensorFlowGraph(Graph):
    """Operations of TensorFlow, in a function that is being traced."""

    def __init__(self) -> None:
        self._constants: dict[int, tuple[tf.Tensor, np.ndarray]] = {}

    def constant(self, array: np.ndarray) -> tf.Tensor:
        if id(array) not in self._constants:
            self._constants[id(array)] = tf.constant(array), array
        return self._constants[id(array)][0]

    def gather(self, table: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
        return tf.gather(table, numbers)

    def matmul(self, x: tf.Tensor, matrix: tf.Tensor, *, transposed: bool = False) -> tf.Tensor:
        return tf.tensordot(x, tf.transpose(matrix) if transposed else matrix, 1)

    def product(self, x: tf.Tensor, y: tf.Tensor, *, transposed: bool = False) -> tf.Tensor:
        return tf.matmul(x, y, transpose_b=transposed)

    def convolution(self, x: tf.Tensor, kernel: tf.Tensor, stride: int) -> tf.Tensor:
        return tf.nn.conv2d(x, kernel, stride, "SAME")

    def concat(self, values: Sequence[tf.Tensor], axis: int) -> tf.Tensor:
        return tf.concat(values, axis)

    def split(self, x: tf.Tensor, sizes: Sequence[int], axis: int) -> list[tf.Tensor]:
        return tf.split(x, list(sizes), axis)

    def pick(self, x: tf.Tensor, place: int, axis: int) -> tf.Tensor:
        return x[(*[slice(None)] * (axis % len(x.shape)), place)]

    def sum(self, x: tf.Tensor, axis: int, *, keep: bool = False) -> tf.Tensor:
        return tf.reduce_sum(x, axis, keepdims=keep)

    def max(self, x: tf.Tensor, axis: int) -> tf.Tensor:
        return tf.reduce_max(x, axis)

    def where(self, condition: tf.Tensor, x: tf.Tensor, y: tf.Tensor | float) -> tf.Tensor:
        return tf.where(condition, x, y)

    def maximum(self, x: tf.Tensor, y: tf.Tensor | float) -> tf.Tensor:
        return tf.maximum(x, y)

    def unary(self, name: str, x: tf.Tensor) -> tf.Tensor:
        return OPERATIONS[name](x)

    def softmax(self, x: tf.Tensor) -> tf.Tensor:
        return tf.nn.softmax(x)

    def log_softmax(self, x: tf.Tensor) -> tf.Tensor:
        return tf.nn.log_softmax(x)

    def recurrence(
        self, layer: Recurrent, x: tf.Tensor, state: Sequence[tf.Tensor] | None, *, backward: bool = False
    ) -> tuple[tf.Tensor, State]:
        # The loop of `common.layers.scan` carries gradients and segments, which LiteRT has no operations for.
        step, projected = self._steps(layer, x)
        first = tuple(state) if state else (tf.zeros((x.shape[0], layer.units)),) * layer.kind.states
        states = tf.scan(step, projected, first, reverse=backward)
        return time_major(states[0]), tuple(one[0 if backward else -1] for one in states)

    def last(self, layer: Recurrent, x: tf.Tensor, lengths: tf.Tensor, *, backward: bool = False) -> tf.Tensor:
        step, projected = self._steps(layer, x)
        steps, rows = tf.unstack(tf.shape(projected)[:2])

        def body(t: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
            at = steps - 1 - t if backward else t
            inside = (at < lengths)[:, None]
            new = step(state, tf.gather(projected, at))
            return t + 1, tuple(tf.where(inside, one, old) for one, old in zip(new, state))

        first = (tf.zeros(tf.stack([rows, layer.units])),) * layer.kind.states
        shapes = tf.TensorShape([]), (tf.TensorShape([None, layer.units]),) * layer.kind.states
        return tf.while_loop(lambda t, _: t < steps, body, (tf.constant(0), first), shape_invariants=shapes)[1][0]

    def reshape(self, x: tf.Tensor, shape: Sequence[int]) -> tf.Tensor:
        return tf.reshape(x, shape)

    def expand(self, x: tf.Tensor, axis: int) -> tf.Tensor:
        return tf.expand_dims(x, axis)

    def _steps(self, layer: Recurrent, x: tf.Tensor) -> tuple[Callable[[State, tf.Tensor], State], tf.Tensor]:
        """A step of a layer from its projected inputs, and these, time-major."""
        own = layer.kind.weights(*map(tf.constant, weights(layer.keras_cell)))
        how = {"activation": ACTIVATIONS[layer.activation], "more": own.more}

        def step(previous: State, projected: tf.Tensor) -> State:
            product = tf.matmul(previous[0], own.recurrent)
            for bias in own.recurrent_bias:
                product += bias
            return layer.kind.step.forward(projected, product, previous, **how)[0]

        return step, time_major(self.matmul(x, own.kernel) + own.bias)


def converted(twin: Twin, *, int8: bool = False) -> bytes:
    """A twin as a file of LiteRT, for one row at a time.

    Args:
        twin: The twin.
        int8: Whether large weights are rounded to 8 bits.
    """

    def function(*given: tf.Tensor) -> dict[str, Any]:
        return twin.function(TensorFlowGraph(), **dict(zip((one.name for one in twin.inputs), given)))

    module = tf.Module()
    module.function = tf.function(function, [_described(one) for one in twin.inputs], autograph=False)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.function.get_concrete_function()], module)
    if int8:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return converter.convert()


def _described(one: Input) -> tf.TensorSpec:
    # Loops of LiteRT need states of a known size. So the batch is one row.
    shape = [1 if size == BATCH else None if isinstance(size, str) else size for size in one.shape]
    return tf.TensorSpec(shape, one.dtype, one.name)
