"""The segmented recurrence against a plain loop over the Keras cell, and against finite differences."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings

from common import cells
from common.cells.cell import ACTIVATIONS
from common.cells.lstm import LSTM
from common.layers.recurrent import Recurrent
from tests.cell_checks import (
    FEATURES,
    KEEP,
    LANES,
    TIME,
    UNITS,
    check_finite_differences,
    check_loop,
    gradients_of,
    numbers_of,
    run_naive,
    run_scan,
)
from tests.helpers import EVERY_CELL, assert_all_close, results_and_gradients

EVERY_ACTIVATION = pytest.mark.parametrize("activation", ACTIVATIONS)
SMALL = settings(max_examples=12, deadline=None)


bits = st.lists(st.booleans(), min_size=TIME * LANES, max_size=TIME * LANES)


@EVERY_CELL
@pytest.mark.parametrize(("inject", "masked"), [(False, True), (True, False)])
@given(kept=bits, seed=st.integers(0, 1000))
@SMALL
def test_equals_a_loop_over_the_keras_cell(cell: str, inject: bool, masked: bool, kept: list, seed: int) -> None:
    numbers = numbers_of(cell, seed)
    keep = np.array(kept, np.float32).reshape(TIME, LANES)
    draw = np.random.default_rng(seed + 1)
    mask = (draw.integers(0, 2, (TIME, LANES, UNITS)) * 2.0).astype(np.float32)
    ours, naive = (gradients_of(run, cell, inject, masked)(numbers, keep, mask) for run in (run_scan, run_naive))
    assert_all_close(ours, naive)


@EVERY_CELL
@EVERY_ACTIVATION
def test_every_activation_equals_a_loop_over_the_keras_cell(cell: str, activation: str) -> None:
    check_loop(cell, activation)


@EVERY_CELL
def test_xla_computes_the_same(cell: str) -> None:
    numbers = numbers_of(cell, 4)
    mask = np.ones((TIME, LANES, UNITS), np.float32)
    mask[:, 1, 2] = 0
    plain, xla = (
        gradients_of(run_scan, cell, True, True, jit_compile=jit)(numbers, KEEP, mask) for jit in (False, True)
    )
    assert_all_close(xla, plain)


@EVERY_CELL
@EVERY_ACTIVATION
def test_gradients_are_finite_differences_in_float64(cell: str, activation: str) -> None:
    check_finite_differences(cell, activation)


@EVERY_CELL
def test_time_and_lanes_need_not_be_known_when_tracing(cell: str) -> None:
    traces = []

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, FEATURES]),
            tf.TensorSpec([None, None]),
            [tf.TensorSpec([None, UNITS])] * cells.get(cell).states,
        ]
    )
    def run(inputs, keep, initial):
        traces.append(cell)
        numbers = numbers_of(cell, 7) | {"inputs": [inputs], "initial": initial}
        return run_scan(cell, numbers, keep, False, None)

    for time in (1, 4):
        numbers = numbers_of(cell, 7, time=time)
        keep = np.ones((time, LANES), np.float32)
        ours = run(numbers["inputs"][0], keep, numbers["initial"])
        assert_all_close(tf.nest.flatten(ours), tf.nest.flatten(run_naive(cell, numbers, keep, False, None)))
    assert len(traces) == 1


@EVERY_CELL
def test_neither_infinity_nor_nan_crosses_the_start_of_a_sequence(cell: str) -> None:
    numbers = numbers_of(cell, 8)
    clean = numbers | {"initial": [np.zeros_like(s) for s in numbers["initial"]]}
    spoilt = numbers | {"initial": [np.full_like(s, np.nan) for s in numbers["initial"]]}
    keep = np.ones((TIME, LANES), np.float32)
    keep[0] = 0
    ours, expected = (gradients_of(run_scan, cell, False, False)(n, keep, keep) for n in (spoilt, clean))
    assert_all_close(ours, expected)


@EVERY_CELL
def test_no_nan_of_a_later_sequence_reaches_the_gradients_of_an_earlier_one(cell: str) -> None:
    numbers = numbers_of(cell, 8)
    numbers["inputs"][0][3:] = np.nan
    keep = np.ones((TIME, LANES), np.float32)
    keep[[0, 3]] = 0
    for jit_compile in (False, True):
        run = gradients_of(run_scan, cell, False, False, jit_compile=jit_compile)
        d_inputs = run(numbers, keep, keep)[1][len(numbers["weights"])]
        assert np.isfinite(d_inputs[:3]).all() and np.isnan(d_inputs[3:]).any()


def test_small_gates_in_bfloat16_are_those_of_the_sigmoid() -> None:
    x = tf.cast(tf.linspace(-8.0, 8.0, 64)[None], tf.bfloat16)
    zeros = tf.zeros((1, 16), x.dtype)
    _, found = LSTM.step.forward(x, tf.zeros_like(x), (zeros, zeros), activation=ACTIVATIONS["tanh"], more=())
    exact = tf.split(tf.sigmoid(tf.cast(x, tf.float32)), 4, 1)
    for gate in (0, 1, 3):
        np.testing.assert_allclose(tf.cast(found[gate], tf.float32), exact[gate], rtol=0.01)


@EVERY_CELL
def test_windows_of_one_step_have_no_loop_and_the_same_results_and_gradients(cell: str) -> None:
    layer, x = Recurrent(cell, UNITS), tf.constant(np.random.default_rng(0).normal(size=(2, 5, 3)), tf.float32)
    layer.build(x.shape)
    keep = np.array([[0, 1, 1, 1, 1], [0, 1, 0, 1, 1]], np.float32)

    def by_windows(width: int) -> list[tf.Tensor]:
        state, found = layer.initial_state(2), []
        for at in range(0, 5, width):
            outputs, state = layer(x[:, at : at + width], keep=keep[:, at : at + width], state=state)
            found.append(outputs)
        return [tf.concat(found, 1), *state]

    whole, steps = (results_and_gradients(lambda w=width: by_windows(w), [layer], x) for width in (5, 1))
    assert_all_close(steps, whole)
    graph = tf.function(lambda x: layer(x)[0]).get_concrete_function(tf.TensorSpec([None, 1, 3])).graph
    assert not [operation for operation in graph.get_operations() if "While" in operation.type]
