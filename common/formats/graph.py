"""What the twins of networks are made of, for each format in its own way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    import keras

    from common.layers.recurrent import Recurrent

Value = Any
"""A tensor of a graph. `+`, `-`, `*`, `/` and `<` take two of them, or one and a number."""


def weights(layer: keras.layers.Layer) -> list[np.ndarray]:
    """The weights of a layer, also where a graph is being traced."""
    with tf.init_scope():
        return layer.get_weights()


def numbers(variable: keras.Variable) -> np.ndarray:
    """The numbers of a variable, also where a graph is being traced."""
    with tf.init_scope():
        return variable.numpy()


class Graph(ABC):
    """The operations of a format that networks need.

    `axis` may count from the end. The batch is the first axis and time is the second, `[batch, time, features]`.
    """

    @abstractmethod
    def constant(self, array: np.ndarray) -> Value:
        """A tensor with these values; the same array twice is one tensor."""

    @abstractmethod
    def gather(self, table: Value, numbers: Value) -> Value:
        """The rows of a table `[rows, ...]` with these numbers."""

    @abstractmethod
    def matmul(self, x: Value, matrix: Value, *, transposed: bool = False) -> Value:
        """The product of `x`, `[..., m]`, and a matrix `[m, n]`, or `[n, m]` if it is to be transposed."""

    @abstractmethod
    def product(self, x: Value, y: Value, *, transposed: bool = False) -> Value:
        """The products of matrices, `x [batch, k, m]` and `y [batch, m, n]`, or `[batch, n, m]` to be transposed."""

    @abstractmethod
    def convolution(self, x: Value, kernel: Value, stride: int) -> Value:
        """Pictures `x [batch, rows, columns, m]` and a kernel `[height, width, m, n]`, padded as "same" of Keras is."""

    @abstractmethod
    def concat(self, values: Sequence[Value], axis: int) -> Value:
        """Several tensors one after the other."""

    @abstractmethod
    def split(self, x: Value, sizes: Sequence[int], axis: int) -> list[Value]:
        """The parts of a tensor, of these sizes."""

    @abstractmethod
    def pick(self, x: Value, place: int, axis: int) -> Value:
        """The values at one place of an axis, which is then gone; -1 is the last."""

    @abstractmethod
    def sum(self, x: Value, axis: int, *, keep: bool = False) -> Value:
        """The sum over an axis, which is then gone, or kept with a size of 1."""

    @abstractmethod
    def max(self, x: Value, axis: int) -> Value:
        """The maximum over an axis, which is then gone."""

    @abstractmethod
    def where(self, condition: Value, x: Value, y: Value | float) -> Value:
        """`x` where the condition holds, elsewhere `y`."""

    @abstractmethod
    def maximum(self, x: Value, y: Value | float) -> Value:
        """The larger of two values, each."""

    @abstractmethod
    def unary(self, name: str, x: Value) -> Value:
        """A function of each value: `exp`, `log`, `sqrt`, `tanh`, `relu` or `sigmoid`."""

    @abstractmethod
    def softmax(self, x: Value) -> Value:
        """Shares that sum to 1 over the last axis."""

    @abstractmethod
    def log_softmax(self, x: Value) -> Value:
        """The logarithm of `softmax`."""

    @abstractmethod
    def recurrence(
        self, layer: Recurrent, x: Value, state: Sequence[Value] | None, *, backward: bool = False
    ) -> tuple[Value, tuple[Value, ...]]:
        """A recurrent layer, in one direction.

        Args:
            layer: The layer with its weights.
            x: `[batch, time, features]`.
            state: `[batch, units]` each; None is zeros.
            backward: Whether it reads from the last step to the first.

        Returns:
            The hidden states in the order of the steps, `[batch, time, units]`, and the state after the step read last.
        """

    @abstractmethod
    def last(self, layer: Recurrent, x: Value, lengths: Value, *, backward: bool = False) -> Value:
        """The hidden state of a recurrent layer after the step that it reads last, `[batch, units]`.

        Args:
            layer: The layer with its weights.
            x: `[batch, time, features]`, with padding behind the steps of each row.
            lengths: The steps of each row, int32 `[batch]`, all positive.
            backward: Whether it reads from a row's last step to its first.
        """

    @abstractmethod
    def reshape(self, x: Value, shape: Sequence[int]) -> Value:
        """A tensor of another shape; one of its sizes may be -1, which is what is left."""

    @abstractmethod
    def expand(self, x: Value, axis: int) -> Value:
        """A tensor with one more axis, of size 1."""
