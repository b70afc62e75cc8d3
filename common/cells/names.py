"""The types of the names that a user may choose: cells and controls, activations, initialisers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from common.cells.registry import CELLS, CONTROLS

if TYPE_CHECKING:  # A type checker cannot read the tables.
    CellName = str
    TrainableName = str
else:
    CellName = Literal[tuple(CELLS)]
    TrainableName = Literal[(*CELLS, *CONTROLS)]

ActivationName = Literal["tanh", "relu", "sigmoid"]
InitializerName = Literal["orthogonal", "identity", "glorot_uniform"]
