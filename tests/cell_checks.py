"""Checks of any cell: its scan against a plain loop over its Keras cell, and against finite differences."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import tensorflow as tf

from common import cells
from common.cells.cell import Weights
from common.layers.recurrent import Recurrent
from common.layers.scan import scan, time_major
from tests.helpers import assert_all_close, check_configuration, normal, randomise, results_and_gradients, stock_layer

TIME, LANES, FEATURES, UNITS = 5, 2, 3, 4
KEEP = np.array([[1, 0], [1, 1], [0, 1], [1, 1], [1, 0]], np.float32)
SOURCES = ("weights", "inputs", "initial", "inject")


def numbers_of(cell: str, seed: int, dtype: str = "float32", time: int = TIME) -> dict[str, list[np.ndarray]]:
    """Random weights, inputs, initial state, injections, and what to multiply outputs and final state with."""
    draw = np.random.default_rng(seed)
    kind = cells.get(cell)

    def normal(*shape: int) -> np.ndarray:
        return (0.7 * draw.normal(size=shape)).astype(dtype)

    return {
        "weights": [normal(*w.shape) for w in stock_cell(cell, "tanh").weights],
        "inputs": [normal(time, LANES, FEATURES)],
        "initial": [normal(LANES, UNITS) for _ in range(kind.states)],
        "inject": [normal(time, LANES, UNITS) for _ in range(kind.states)],
        "d_outputs": [normal(time, LANES, UNITS)],
        "d_final": [normal(LANES, UNITS) for _ in range(kind.states)],
    }


def run_scan(cell, numbers, keep, inject, mask, activation="tanh"):
    """Outputs and final state of the scan, time-major as the numbers are."""
    kind = cells.get(cell)
    outputs, final = scan(
        kind.step,
        time_major(numbers["inputs"][0]),
        kind.weights(*numbers["weights"]),
        keep=tf.transpose(keep),
        initial=tuple(numbers["initial"]),
        inject=tuple(time_major(i) for i in numbers["inject"]) if inject else (),
        mask=None if mask is None else time_major(mask),
        activation=activation,
    )
    return time_major(outputs), final


@cache
def stock_cell(cell: str, activation: str):
    with tf.init_scope():
        layer = cells.keras_cell(cell, UNITS, activation=activation)
        layer.build((None, FEATURES))
    return layer


def run_naive(cell, numbers, keep, inject, mask, activation="tanh"):
    """The definition: one lane and one step at a time through the stock cell."""
    layer = stock_cell(cell, activation)
    rest = [v.value for v in layer.non_trainable_variables]
    kernel, recurrent, *others = numbers["weights"]
    lanes, finals = [], []
    for lane in range(LANES):
        state, outputs = [s[lane : lane + 1] for s in numbers["initial"]], []
        for t in range(keep.shape[0]):
            state = [keep[t, lane] * s for s in state]
            if inject:
                state = [s + i[t, lane : lane + 1] for s, i in zip(state, numbers["inject"])]
            # Masking the state ahead of the product is masking the rows of the recurrent kernel.
            masked = recurrent if mask is None else mask[t, lane][:, None] * recurrent
            x = numbers["inputs"][0][t, lane : lane + 1]
            (hidden, state), _ = layer.stateless_call([kernel, masked, *others], rest, x, state)
            outputs.append(hidden)
        lanes.append(tf.concat(outputs, 0))
        finals.append(state)
    return tf.stack(lanes, 1), tuple(tf.concat(parts, 0) for parts in zip(*finals))


@cache
def gradients_of(run, cell: str, inject: bool, masked: bool, activation: str = "tanh", jit_compile: bool = False):
    """Runs the scan or the loop: outputs and final state, and the gradients of everything that has one."""

    @tf.function(jit_compile=jit_compile)
    def with_gradients(numbers: dict, keep: tf.Tensor, mask: tf.Tensor) -> tuple[list, list]:
        sources = [x for name in SOURCES for x in numbers[name]]
        with tf.GradientTape() as tape:
            tape.watch(sources)
            results = run(cell, numbers, keep, inject, mask if masked else None, activation)
            total = total_of(results, numbers)
        return tf.nest.flatten(results), tape.gradient(total, sources, unconnected_gradients="zero")

    def call(numbers: dict, keep: np.ndarray, mask: np.ndarray) -> tuple[list, list]:
        return with_gradients(*tf.nest.map_structure(tf.convert_to_tensor, (numbers, keep, mask)))

    return call


def total_of(results: tuple, numbers: dict) -> tf.Tensor:
    weighted = zip(tf.nest.flatten(results), numbers["d_outputs"] + numbers["d_final"], strict=True)
    return tf.add_n([tf.reduce_sum(r * w) for r, w in weighted])


def check_loop(cell: str, activation: str = "tanh") -> None:
    """Outputs, final state and gradients are those of a plain loop over the Keras cell."""
    numbers = numbers_of(cell, 3)
    ours, naive = (
        gradients_of(run, cell, True, False, activation)(numbers, KEEP, KEEP) for run in (run_scan, run_naive)
    )
    assert_all_close(ours, naive)


def check_finite_differences(cell: str, activation: str = "tanh") -> None:
    """Gradients of everything are those of finite differences, in float64."""
    numbers = numbers_of(cell, 5, "float64")
    draw = np.random.default_rng(6)
    mask = draw.integers(0, 2, (TIME, LANES, UNITS)) * 2.0
    flat = np.concatenate([x.ravel() for name in SOURCES for x in numbers[name]])

    @tf.function
    def total_and_gradient(flat):
        parts, at = {name: [] for name in SOURCES}, 0
        with tf.GradientTape() as tape:
            tape.watch(flat)
            for name in SOURCES:
                for x in numbers[name]:
                    parts[name].append(tf.reshape(flat[at : at + x.size], x.shape))
                    at += x.size
            results = run_scan(cell, numbers | parts, KEEP.astype("float64"), True, mask, activation)
            total = total_of(results, numbers)
        return total, tape.gradient(total, flat)

    gradient = total_and_gradient(tf.constant(flat))[1].numpy()
    for n in range(flat.size):
        nudge = np.zeros_like(flat)
        nudge[n] = 1e-6
        up, down = (total_and_gradient(tf.constant(flat + sign * nudge))[0].numpy() for sign in (1, -1))
        assert (up - down) / 2e-6 == pytest.approx(gradient[n], rel=1e-6, abs=1e-7)


def check_entry(cell: str) -> None:
    """States and weights are those of the Keras cell, and the gate is one of what the step forward saves."""
    kind, layer = cells.get(cell), cells.keras_cell(cell, UNITS)
    layer.build((None, FEATURES))
    assert type(layer) is kind.keras_cell
    assert len(layer.get_initial_state(2)) == kind.states
    weights = kind.weights(*(w.numpy() for w in layer.weights))
    assert isinstance(weights, Weights)
    assert layer.kernel.shape[0] == FEATURES and layer.recurrent_kernel.shape[0] == UNITS
    (sums,) = weights.bias.shape
    assert weights.kernel.shape == (FEATURES, sums) and weights.recurrent.shape == (UNITS, sums)
    assert all(bias.shape == (sums,) for bias in weights.recurrent_bias)
    assert all(0 <= gate.saved < kind.step.saves for gate in kind.gates)
    check_configuration(Recurrent(cell, UNITS, activation="relu", recurrent_dropout=0.25, seed=3))


def check_layer(cell: str, activation: str = "tanh", *, given_state: bool = False) -> None:
    """The recurrent layer is the Keras layer of the cell, with its gradients; weights go from one to the other."""
    stock = stock_layer(cell, UNITS, activation, return_sequences=True, return_state=True)
    ours, x = Recurrent(cell, UNITS, activation=activation), normal(3, 7, FEATURES)
    state = tuple(normal(3, UNITS, seed=n + 2) for n in range(cells.get(cell).states)) if given_state else None
    stock.build(x.shape)
    ours.build(x.shape)
    randomise(stock)
    ours.set_weights(stock.get_weights())
    tensors = (x, state) if given_state else (x,)
    expected = results_and_gradients(lambda: stock(x, initial_state=state and list(state)), [stock], *tensors)
    assert_all_close(results_and_gradients(lambda: ours(x, state=state), [ours], *tensors), expected)
