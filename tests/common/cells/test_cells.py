"""The registry of cells."""

from __future__ import annotations

import keras
import pytest

from common import cells
from common.cells.peephole_lstm import PeepholeLSTMCell
from common.layers import scan

STOCK = {
    "simple_rnn": keras.layers.SimpleRNNCell,
    "lstm": keras.layers.LSTMCell,
    "gru": keras.layers.GRUCell,
    "peephole_lstm": PeepholeLSTMCell,
}
EVERY_CELL = pytest.mark.parametrize("cell", cells.names())


def test_every_name_is_a_cell_and_the_plainest_comes_first() -> None:
    assert cells.names() == tuple(STOCK)
    assert cells.names()[0] == "simple_rnn"


@EVERY_CELL
def test_weights_are_owned_by_the_keras_cell(cell: str) -> None:
    assert cells.get(cell).keras_cell is STOCK[cell]
    assert type(cells.keras_cell(cell, 4)) is STOCK[cell]


@EVERY_CELL
def test_states_and_weights_are_those_of_the_keras_cell(cell: str) -> None:
    kind, layer = cells.get(cell), cells.keras_cell(cell, 4)
    layer.build((None, 3))
    assert len(layer.get_initial_state(2)) == kind.states
    weights = kind.weights(*(w.numpy() for w in layer.weights))
    assert weights.kernel.shape == layer.kernel.shape
    assert weights.recurrent.shape == layer.recurrent_kernel.shape
    for bias in (weights.bias, *weights.recurrent_bias):
        assert bias.shape == layer.kernel.shape[1:]
    assert isinstance(kind.step, scan.Step)


def test_options_reach_the_stock_cell() -> None:
    layer = cells.keras_cell("lstm", 4, activation="relu", unit_forget_bias=False)
    assert layer.get_config()["activation"] == "relu"
    assert layer.unit_forget_bias is False


@pytest.mark.parametrize("lookup", [cells.get, lambda name: cells.keras_cell(name, 4)])
def test_unknown_name_is_an_error_that_lists_the_cells(lookup) -> None:
    with pytest.raises(ValueError, match=r"'lstn'.*simple_rnn, lstm, gru, peephole_lstm"):
        lookup("lstn")
