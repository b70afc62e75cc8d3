"""The registry of cells and controls, and the names a user may choose."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import keras
import pytest

from common import cells
from common.cells.names import CellName, TrainableName
from common.layers.controls import Control
from tests.cell_checks import check_entry
from tests.helpers import EVERY_CELL


def test_the_plainest_cell_comes_first() -> None:
    assert cells.names()[0] == "simple_rnn"


def test_what_a_user_may_choose_is_what_the_registry_holds() -> None:
    assert get_args(CellName) == cells.names()
    assert get_args(TrainableName) == (*cells.names(), *cells.control_names())


def test_the_registry_tells_cells_from_controls() -> None:
    assert all(map(cells.is_recurrent, cells.names()))
    assert cells.control_names() and not any(map(cells.is_recurrent, cells.control_names()))
    assert all(issubclass(cells.control(name), Control) for name in cells.control_names())


@EVERY_CELL
def test_states_and_weights_are_those_of_the_keras_cell(cell: str) -> None:
    check_entry(cell)


@pytest.mark.parametrize(("cell", "stock"), [("simple_rnn", "SimpleRNN"), ("lstm", "LSTM"), ("gru", "GRU")])
def test_the_cells_of_keras_are_used_as_they_are(cell: str, stock: str) -> None:
    assert cells.get(cell).keras_cell is getattr(keras.layers, f"{stock}Cell")


def test_options_reach_the_keras_cell() -> None:
    layer = cells.keras_cell("lstm", 4, activation="relu", unit_forget_bias=False)
    assert layer.get_config()["activation"] == "relu"
    assert layer.unit_forget_bias is False


@pytest.mark.parametrize("lookup", [cells.get, lambda name: cells.keras_cell(name, 4), cells.is_recurrent])
def test_unknown_name_is_an_error_that_lists_the_cells(lookup) -> None:
    with pytest.raises(ValueError, match=r"'lstn'.*simple_rnn, jordan, lstm, gru, peephole_lstm"):
        lookup("lstn")


def test_unknown_control_is_an_error_that_lists_the_controls() -> None:
    with pytest.raises(ValueError, match=r"'lstm'.*mlp, convolution"):
        cells.control("lstm")


def test_the_names_are_known_without_tensorflow() -> None:
    code = "import sys, common.cells.names; sys.exit('keras' in sys.modules or 'tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
