"""The registry of cells and controls: their names, and where each is defined."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

    from common.cells.cell import Cell

# Modules of cells import TensorFlow, which takes seconds. So the tables hold names of objects instead of the objects.
CELLS: dict[str, str] = {
    "simple_rnn": "common.cells.simple_rnn:SIMPLE_RNN",
    "jordan": "common.cells.jordan:JORDAN",
    "lstm": "common.cells.lstm:LSTM",
    "gru": "common.cells.gru:GRU",
    "peephole_lstm": "common.cells.peephole_lstm:PEEPHOLE_LSTM",
}
"""Module and name of each `Cell`, the plainest first."""

CONTROLS: dict[str, str] = {
    "mlp": "common.layers.controls:WindowMLP",
    "convolution": "common.layers.controls:CausalConvolution",
    "time_delay": "common.layers.controls:TimeDelay",
}
"""Module and name of each `Control`."""


def names() -> tuple[str, ...]:
    """The names of the cells, the plainest first."""
    return tuple(CELLS)


def control_names() -> tuple[str, ...]:
    """The names of the controls."""
    return tuple(CONTROLS)


def is_recurrent(name: str) -> bool:
    """Whether the name belongs to a cell, not to a control.

    Raises:
        ValueError: Neither a cell nor a control has that name.
    """
    if name not in CELLS and name not in CONTROLS:
        raise ValueError(f"unknown cell {name!r}; the cells are {', '.join(CELLS)}; the controls {', '.join(CONTROLS)}")
    return name in CELLS


def get(name: str) -> Cell:
    """The cell of that name.

    Raises:
        ValueError: No cell has that name.
    """
    if name not in CELLS:
        raise ValueError(f"unknown cell {name!r}; the cells are {', '.join(CELLS)}")
    return _found(CELLS[name])


def control(name: str) -> type[keras.layers.Layer]:
    """The control of that name, a Keras layer.

    Raises:
        ValueError: No control has that name.
    """
    if name not in CONTROLS:
        raise ValueError(f"unknown control {name!r}; the controls are {', '.join(CONTROLS)}")
    return _found(CONTROLS[name])


def keras_cell(cell: str, units: int, **options: Any) -> keras.layers.Layer:
    """A Keras cell; its defaults are the literature's: orthogonal recurrent weights, forget bias 1, tanh."""
    return get(cell).keras_cell(units, **options)


def _found(place: str) -> Any:
    module, attribute = place.split(":")
    return getattr(import_module(module), attribute)
