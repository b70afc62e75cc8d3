"""The segmented recurrence against a plain loop over the stock Keras cell, and against finite differences."""

from __future__ import annotations

from functools import cache

import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings

from common import cells
from common.cells.cell import ACTIVATIONS, Weights
from common.cells.lstm import LSTM, _gates
from common.layers.scan import LANES_OF_A_BLOCK, blocks_of, scan, time_major

EVERY_CELL = pytest.mark.parametrize("cell", cells.names())
EVERY_ACTIVATION = pytest.mark.parametrize("activation", ACTIVATIONS)
TIME, LANES, FEATURES, UNITS = 5, 2, 3, 4
KEEP = np.array([[1, 0], [1, 1], [0, 1], [1, 1], [1, 0]], np.float32)
SOURCES = ("weights", "inputs", "initial", "inject")
SMALL = settings(max_examples=12, deadline=None)


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


def run_scan(cell, numbers, keep, inject, mask, activation="tanh", jit_compile=False, blocks=1):
    """Outputs and final state of the scan, time-major as the numbers are."""
    kind = cells.get(cell)
    outputs, final = scan(
        kind.step,
        time_major(numbers["inputs"][0]),
        kind.weights(*numbers["weights"]),
        tf.transpose(keep),
        tuple(numbers["initial"]),
        tuple(time_major(i) for i in numbers["inject"]) if inject else (),
        None if mask is None else time_major(mask),
        activation,
        jit_compile,
        blocks,
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
def gradients_of(run, cell: str, inject: bool, masked: bool, activation: str = "tanh", **options):
    """Runs the scan or the loop: outputs and final state, and the gradients of everything that has one."""

    @tf.function
    def with_gradients(numbers: dict, keep: tf.Tensor, mask: tf.Tensor) -> tuple[list, list]:
        sources = [x for name in SOURCES for x in numbers[name]]
        with tf.GradientTape() as tape:
            tape.watch(sources)
            results = run(cell, numbers, keep, inject, mask if masked else None, activation, **options)
            total = total_of(results, numbers)
        return tf.nest.flatten(results), tape.gradient(total, sources, unconnected_gradients="zero")

    def call(numbers: dict, keep: np.ndarray, mask: np.ndarray) -> tuple[list, list]:
        return with_gradients(*tf.nest.map_structure(tf.convert_to_tensor, (numbers, keep, mask)))

    return call


def total_of(results: tuple, numbers: dict) -> tf.Tensor:
    weighted = zip(tf.nest.flatten(results), numbers["d_outputs"] + numbers["d_final"], strict=True)
    return tf.add_n([tf.reduce_sum(r * w) for r, w in weighted])


def assert_all_close(ours: list, theirs: list, tolerance: float = 1e-5) -> None:
    for a, b in zip(tf.nest.flatten(ours), tf.nest.flatten(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


bits = st.lists(st.booleans(), min_size=TIME * LANES, max_size=TIME * LANES)


@EVERY_CELL
@pytest.mark.parametrize("inject", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@given(kept=bits, seed=st.integers(0, 1000))
@SMALL
def test_equals_a_loop_over_the_stock_cell(cell: str, inject: bool, masked: bool, kept: list, seed: int) -> None:
    numbers = numbers_of(cell, seed)
    keep = np.array(kept, np.float32).reshape(TIME, LANES)
    draw = np.random.default_rng(seed + 1)
    mask = (draw.integers(0, 2, (TIME, LANES, UNITS)) * 2.0).astype(np.float32)
    ours, naive = (gradients_of(run, cell, inject, masked)(numbers, keep, mask) for run in (run_scan, run_naive))
    assert_all_close(ours, naive)


@EVERY_CELL
@EVERY_ACTIVATION
def test_every_activation_equals_a_loop_over_the_stock_cell(cell: str, activation: str) -> None:
    numbers = numbers_of(cell, 3)
    ours, naive = (
        gradients_of(run, cell, True, False, activation)(numbers, KEEP, KEEP) for run in (run_scan, run_naive)
    )
    assert_all_close(ours, naive)


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
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("blocks", [2, 3])
def test_blocks_of_lanes_compute_the_same(cell: str, jit_compile: bool, blocks: int) -> None:
    lanes = 2 * blocks + 1  # One block is larger than the others.
    draw = np.random.default_rng(9)

    def of_all_lanes(x: np.ndarray, axis: int) -> np.ndarray:
        return draw.normal(size=[lanes if n == axis else m for n, m in enumerate(x.shape)]).astype(np.float32)

    numbers = numbers_of(cell, 9)
    for name in ("inputs", "inject", "d_outputs"):
        numbers[name] = [of_all_lanes(x, 1) for x in numbers[name]]
    for name in ("initial", "d_final"):
        numbers[name] = [of_all_lanes(x, 0) for x in numbers[name]]
    keep = draw.integers(0, 2, (TIME, lanes)).astype(np.float32)
    mask = (draw.integers(0, 2, (TIME, lanes, UNITS)) * 2.0).astype(np.float32)
    one, several = (
        gradients_of(run_scan, cell, True, True, jit_compile=jit_compile, blocks=n)(numbers, keep, mask)
        for n in (1, blocks)
    )
    assert_all_close(several, one)


def test_a_block_is_never_so_small_that_it_is_not_worth_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("joblib.cpu_count", lambda: 4)
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind: [])
    fewest = LANES_OF_A_BLOCK
    assert [blocks_of(n) for n in (1, fewest, 2 * fewest - 1, 2 * fewest, 100 * fewest)] == [1, 1, 1, 2, 4]
    assert [blocks_of(100 * fewest, beside) for beside in (1, 2, 3, 9)] == [4, 2, 1, 1]
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind: ["a device"])
    assert blocks_of(100 * fewest) == 1


@EVERY_CELL
@EVERY_ACTIVATION
def test_gradients_are_finite_differences_in_float64(cell: str, activation: str) -> None:
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
    found, exact = _gates(x, ACTIVATIONS["tanh"]), tf.split(tf.sigmoid(tf.cast(x, tf.float32)), 4, 1)
    for gate in (0, 1, 3):
        np.testing.assert_allclose(tf.cast(found[gate], tf.float32), exact[gate], rtol=0.01)


def test_what_was_traced_outside_a_graph_serves_later_calls() -> None:
    traced = []

    def counted(*args: object) -> tuple:
        traced.append(1)
        return LSTM.forward(*args)

    step = LSTM._replace(forward=counted)
    weights = Weights(tf.ones((3, 8)), tf.ones((2, 8)), tf.zeros(8))

    def run(time: int) -> None:
        scan(step, tf.ones((4, time, 3)), weights, tf.ones((4, time)), (tf.zeros((4, 2)),) * 2, jit_compile=False)

    run(5)
    first = len(traced)
    run(5)
    assert len(traced) == first > 0
    for time in range(6, 12):
        run(time)
    assert len(traced) <= 3 * first  # Lengths that vary share a trace.
