"""The registry of recurrent cells: a name, the Keras cell that owns the weights, and its scan."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from common.cells.names import CellName, InitializerName

if TYPE_CHECKING:
    import keras

    from common.cells.cell import Cell


CELLS: dict[CellName, str] = {
    "simple_rnn": "common.cells.simple_rnn:SIMPLE_RNN",
    "lstm": "common.cells.lstm:LSTM",
    "gru": "common.cells.gru:GRU",
    "peephole_lstm": "common.cells.peephole_lstm:PEEPHOLE_LSTM",
}
"""Where each cell is: its module imports TensorFlow, so it is read when the cell is asked for."""


def get(name: str) -> Cell:
    """The cell of that name.

    Raises:
        ValueError: No cell has that name.
    """
    if name not in CELLS:
        raise ValueError(f"unknown cell {name!r}; the cells are {', '.join(CELLS)}")
    module, attribute = CELLS[name].split(":")
    return getattr(import_module(module), attribute)


def is_recurrent(name: str) -> bool:
    """Whether the name is of a cell, not of a control."""
    return name in CELLS


def initializer(name: InitializerName, seed: int) -> Callable[..., Any]:
    """Where recurrent weights start; the identity with ReLU is Le, Jaitly & Hinton 2015, "A Simple Way to Initialize
    Recurrent Networks of Rectified Linear Units"."""
    import keras

    if name == "orthogonal":
        return keras.initializers.Orthogonal(seed=seed)
    if name == "glorot_uniform":
        return keras.initializers.GlorotUniform(seed)

    def identity_of_each_gate(shape: tuple[int, int], dtype: Any = None) -> Any:
        units, width = shape
        return keras.ops.tile(keras.ops.eye(units, dtype=dtype), (1, width // units))

    return identity_of_each_gate


def keras_cell(cell: str, units: int, **options: Any) -> keras.layers.Layer:
    """A Keras cell; its defaults are the literature's: orthogonal recurrent weights, forget bias 1, tanh."""
    return get(cell).keras_cell(units, **options)
