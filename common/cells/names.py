"""The names of cells, controls, activations and initialisers: what a user may choose."""

from __future__ import annotations

from typing import Literal, get_args

CellName = Literal["simple_rnn", "lstm", "gru", "peephole_lstm"]
ControlName = Literal["mlp", "convolution"]


TrainableName = Literal[CellName, ControlName]
ActivationName = Literal["tanh", "relu", "sigmoid"]


InitializerName = Literal["orthogonal", "identity", "glorot_uniform"]


def names() -> tuple[str, ...]:
    """The cells' names, plainest first."""
    return get_args(CellName)
