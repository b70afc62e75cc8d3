"""Controls: what they see, and that windows change nothing."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from common import cells
from common.layers.controls import STEPS
from common.layers.stack import RecurrentStack
from tests.helpers import check_configuration, normal

BATCH, TIME, FEATURES, UNITS = 3, 20, 4, 5
EVERY_CONTROL = pytest.mark.parametrize("name", cells.control_names())


def made(name: str):
    layer = cells.control(name)(UNITS, seed=3)
    layer.build((None, None, FEATURES))
    layer.set_weights([normal(*w.shape, seed=n).numpy() for n, w in enumerate(layer.get_weights())])
    return layer


@EVERY_CONTROL
def test_sees_the_last_inputs_and_no_others(name: str) -> None:
    layer, x = made(name), normal(1, TIME, FEATURES)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(tf.abs(layer(x)[0][:, -1]))
    seen = np.abs(tape.gradient(total, x).numpy()[0]).sum(1) > 0
    assert seen.tolist() == [False] * (TIME - STEPS) + [True] * STEPS


@EVERY_CONTROL
def test_a_sequence_has_the_same_outputs_wherever_it_lies(name: str) -> None:
    layer, x = made(name), normal(1, TIME, FEATURES)
    keep = np.ones((1, TIME), np.float32)
    keep[0, 0] = keep[0, 6] = 0
    together, _ = layer(x, keep=tf.constant(keep))
    np.testing.assert_allclose(together[:, :6], layer(x[:, :6])[0], atol=1e-5)
    np.testing.assert_allclose(together[:, 6:], layer(x[:, 6:])[0], atol=1e-5)


@EVERY_CONTROL
@pytest.mark.parametrize("cut", [1, 3, 11])
def test_windows_with_carried_state_equal_one_pass(name: str, cut: int) -> None:
    layer, x = made(name), normal(BATCH, TIME, FEATURES)
    keep = (np.random.default_rng(0).random((BATCH, TIME)) > 0.1).astype(np.float32)
    whole, last = layer(x, keep=keep)
    first, state = layer(x[:, :cut], keep=keep[:, :cut])
    rest, end = layer(x[:, cut:], keep=keep[:, cut:], state=state)
    np.testing.assert_allclose(whole, tf.concat([first, rest], 1), atol=1e-5)
    tf.nest.map_structure(lambda a, b: np.testing.assert_array_equal(a, b), last, end)


@EVERY_CONTROL
def test_stands_in_a_stack(name: str) -> None:
    stack = RecurrentStack(name, UNITS, layers=2, bidirectional=True)
    stack.build((None, None, FEATURES))
    outputs, state = stack(normal(BATCH, TIME, FEATURES), state=stack.initial_state(BATCH))
    assert outputs.shape == (BATCH, TIME, 2 * UNITS)
    assert len(state) == 2
    check_configuration(stack)
    check_configuration(made(name))


@EVERY_CONTROL
def test_nothing_can_be_injected(name: str) -> None:
    with pytest.raises(ValueError, match="no recurrent state"):
        made(name)(normal(1, TIME, FEATURES), inject=(normal(1, TIME, UNITS),))
