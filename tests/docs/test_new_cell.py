"""The cell of docs/new_cell.md, with the code as it stands there."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import keras
import numpy as np
import pytest
import tensorflow as tf

from common.cells import registry
from common.layers.base import dense
from common.layers.embeddings import Numbers
from common.layers.heads import ReadoutHead
from common.layers.readout import Readout
from common.layers.stack import RecurrentStack
from common.networks.stream import StreamNetwork
from common.streams.sequences import Sequences
from common.streams.stream import Stream
from common.training.tbptt import TBPTT
from tests.cell_checks import check_entry, check_finite_differences, check_layer, check_loop

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "new_cell.md"
MODULE, ENTRY, TEST = re.findall(r"^```python\n(.*?)^```$", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def cell() -> Iterator[str]:
    """The name of the cell, while its file is there and its line stands in the registry."""
    ((name, place),) = ast.literal_eval("{" + ENTRY + "}").items()
    path = place.split(":")[0]
    module = ModuleType(path)
    exec(compile(MODULE, path, "exec"), module.__dict__)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, path, module)
        patch.setitem(registry.CELLS, name, place)
        yield name


def test_the_file_is_short_and_where_the_document_puts_it() -> None:
    assert len(MODULE.splitlines()) < 80
    assert "`common/cells/janet.py`" in DOCUMENT.read_text() and "common.cells.janet:JANET" in ENTRY


def test_states_weights_and_configuration(cell: str) -> None:
    check_entry(cell)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_scan_is_a_loop_over_the_keras_cell(cell: str, activation: str) -> None:
    check_loop(cell, activation)


def test_gradients_are_finite_differences(cell: str) -> None:
    check_finite_differences(cell)


def test_the_layer_is_that_of_keras(cell: str) -> None:
    check_layer(cell, given_state=True)


def test_the_test_in_the_document_passes_and_can_fail(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict = {}
    exec(compile(TEST, "test_janet", "exec"), names)
    check = names["test_a_step_is_the_published_equations"]
    check()
    kind = registry.get(cell).keras_cell
    monkeypatch.setattr(kind, "call", lambda self, inputs, states, training=False: (states[0], states))
    with pytest.raises(AssertionError):
        check()


def test_it_trains(cell: str) -> None:
    """On the sum of the last two numbers, which takes a memory."""
    values = np.random.default_rng(0).normal(size=(600, 1)).astype(np.float32)
    targets = values + np.pad(values[:-1], ((1, 0), (0, 0)))
    sequences = Sequences(np.full(6, 100), {"values": values}, targets=targets, weights=np.ones(600, np.float32))
    stack = RecurrentStack(cell, 8, seed=1)
    model = TBPTT(StreamNetwork(Numbers(1), stack, ReadoutHead(Readout(), dense(1, seed=2))), 6, 10)
    model.compile(keras.optimizers.Adam(0.02), loss="mse")
    tf.random.set_seed(0)
    losses = model.fit(Stream(sequences, 6, 10).dataset().repeat(), steps_per_epoch=10, epochs=6, verbose=0).history[
        "loss"
    ]
    assert losses[-1] < 0.5 * losses[0]
