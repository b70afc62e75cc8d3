"""The registry of recurrent cells: a name, the stock Keras cell that owns the weights, and its scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    import keras

    from common.scan import Step

CellName = Literal["simple_rnn", "lstm", "gru"]
ActivationName = Literal["tanh", "relu", "sigmoid"]


@dataclass(frozen=True)
class Cell:
    """What the layers need to know of a cell.

    Attributes:
        step: The forward and backward step for `common.scan.scan`.
        keras_cell: The stock Keras cell class that holds weights, initialisers and configuration.
        states: How many state tensors the cell carries; the hidden state is the first.
        recurrent_bias: Whether the bias has a second row that belongs to the recurrent product.
    """

    step: Step
    keras_cell: type[keras.layers.Layer]
    states: int = 1
    recurrent_bias: bool = False


def names() -> tuple[str, ...]:
    """The cells' names, plainest first."""
    return get_args(CellName)


def get(name: str) -> Cell:
    """The cell of that name.

    Raises:
        ValueError: No cell has that name.
    """
    import keras

    from common import scan

    registry = {
        "simple_rnn": Cell(scan.SIMPLE_RNN, keras.layers.SimpleRNNCell),
        "lstm": Cell(scan.LSTM, keras.layers.LSTMCell, states=2),
        "gru": Cell(scan.GRU, keras.layers.GRUCell, recurrent_bias=True),
    }
    if name not in registry:
        raise ValueError(f"unknown cell {name!r}; the cells are {', '.join(registry)}")
    return registry[name]


def keras_cell(cell: str, units: int, **options: Any) -> keras.layers.Layer:
    """A stock Keras cell; its defaults are the literature's: orthogonal recurrent weights, forget bias 1, tanh."""
    return get(cell).keras_cell(units, **options)
