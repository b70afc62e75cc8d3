"""The registry of recurrent cells: a name, the Keras cell that owns the weights, and its scan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

if TYPE_CHECKING:
    import keras

    from common.scan import Step, Weights

CellName = Literal["simple_rnn", "lstm", "gru", "peephole_lstm"]
ControlName = Literal["mlp", "convolution"]
TrainableName = Literal[CellName, ControlName]
ActivationName = Literal["tanh", "relu", "sigmoid"]
InitializerName = Literal["orthogonal", "identity", "glorot_uniform"]


class Gate(NamedTuple):
    """A gate that says how much of the old state a cell keeps.

    Attributes:
        name: In the field's words.
        saved: Which of what the scan's step forward saves is the gate's activations, `[lanes, units]`.
    """

    name: str
    saved: int


@dataclass(frozen=True)
class Cell:
    """What the layers need to know of a cell.

    Attributes:
        step: The forward and backward step for `common.scan.scan`.
        keras_cell: The Keras cell class that holds weights, initialisers and configuration.
        weights: From that cell's weights, in their order, to those of the scan.
        states: How many state tensors the cell carries; the hidden state is the first.
        gate: What decides how much of the old state is kept; None where nothing does.
    """

    step: Step
    keras_cell: type[keras.layers.Layer]
    weights: Callable[..., Weights]
    states: int = 1
    gate: Gate | None = None


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
    from common.peephole import PeepholeLSTMCell

    registry = {
        "simple_rnn": Cell(scan.SIMPLE_RNN, keras.layers.SimpleRNNCell, scan.Weights),
        "lstm": Cell(
            scan.LSTM,
            keras.layers.LSTMCell,
            scan.Weights,
            states=2,
            gate=Gate("forget gate", saved=1),
        ),
        "gru": Cell(
            scan.GRU,
            keras.layers.GRUCell,
            lambda k, r, b: scan.Weights(k, r, b[0], (b[1],)),
            gate=Gate("update gate", saved=0),
        ),
        "peephole_lstm": Cell(
            scan.PEEPHOLE_LSTM,
            PeepholeLSTMCell,
            lambda k, r, b, p: scan.Weights(k, r, b, more=(p,)),
            states=2,
            gate=Gate("forget gate", saved=1),
        ),
    }
    if name not in registry:
        raise ValueError(f"unknown cell {name!r}; the cells are {', '.join(registry)}")
    return registry[name]


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
