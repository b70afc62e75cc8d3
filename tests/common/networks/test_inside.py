"""What is inside a recurrence while it reads."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from common import cells
from common.layers.recurrent import Recurrent
from common.layers.stack import RecurrentStack
from common.networks.inside import TOKENS, axes, has_inside, inside
from tests.helpers import EVERY_CELL, normal, randomise

TIME, FEATURES, UNITS = 6, 4, 3


def built(cell: str, **options: object) -> RecurrentStack:
    stack = RecurrentStack(cell, UNITS, **options)
    stack.build((None, None, FEATURES))
    randomise(stack)
    return stack


@EVERY_CELL
def test_states_are_those_that_the_layer_goes_through(cell: str) -> None:
    layer, x = Recurrent(cell, UNITS, activation="relu"), normal(2, TIME, FEATURES)
    layer.build((None, None, FEATURES))
    randomise(layer)
    found, state = layer.watched(x), None
    for t in range(TIME):
        _, state = layer(x[:, t, None], state=state)
        for name, value in zip(("hidden state", "cell state"), state):
            np.testing.assert_allclose(found[name][:, t], value, rtol=1e-5, atol=1e-6)
    gates = [gate.name for gate in cells.get(cell).gates]
    assert list(found) == ["hidden state", "cell state"][: len(state)] + gates
    assert all(value.min() >= 0 and value.max() <= 1 for value in (found[name].numpy() for name in gates))


def test_the_output_gate_shows_the_cell_state() -> None:
    found = inside(built("lstm"), normal(1, TIME, FEATURES), tf.constant([TIME]))
    shown = found["output_gate"] * tf.tanh(found["cell_state"])
    np.testing.assert_allclose(found["hidden_state"], shown, rtol=1e-5)
    found = {name: value.numpy() for name, value in found.items()}
    kept = found["forget_gate"][:, 1:] * found["cell_state"][:, :-1]
    written = found["cell_state"][:, 1:] - kept
    assert (np.abs(written) <= found["input_gate"][:, 1:] + 1e-6).all()


@pytest.mark.parametrize("options", [{}, {"bidirectional": True, "layers": 2}])
def test_a_row_is_what_it_is_alone_and_zero_behind_its_end(options: dict) -> None:
    stack, x = built("gru", **options), normal(2, TIME, FEATURES)
    found = inside(stack, x, tf.constant([2, TIME]))
    alone = inside(stack, x[:1, :2], tf.constant([2]))
    assert found.keys() | {TOKENS} == axes(stack).keys()
    for name, value in found.items():
        np.testing.assert_allclose(value[:1, :2], alone[name], rtol=1e-5)
        assert not value[0, 2:].numpy().any()


@pytest.mark.parametrize("name", cells.control_names())
def test_a_control_has_nothing_inside(name: str) -> None:
    assert not has_inside(built(name))
