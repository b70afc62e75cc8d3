"""The layers against stock Keras layers, against one sequence at a time, and against plain loops."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import hypothesis.strategies as st
import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings

from common import cells
from common.layers.dropout import VariationalDropout
from common.layers.masks import uniform_of, variational_mask
from common.layers.recurrent import Recurrent
from common.layers.stack import RecurrentStack, reversed_keep
from common.streams.sequences import Sequences
from common.streams.stream import Stream
from tests.helpers import (
    assert_all_close,
    check_configuration,
    compiled_calls,
    normal,
    randomise,
    results_and_gradients,
)


def peephole_layer(units: int, activation: str = "tanh", **options) -> keras.layers.Layer:
    """What Keras would call PeepholeLSTM: its own loop over time around the cell."""
    return keras.layers.RNN(cells.keras_cell("peephole_lstm", units, activation=activation), **options)


STOCK = {
    "simple_rnn": keras.layers.SimpleRNN,
    "lstm": keras.layers.LSTM,
    "gru": keras.layers.GRU,
    "peephole_lstm": peephole_layer,
}
EVERY_CELL = pytest.mark.parametrize("cell", cells.names())
BATCH, TIME, FEATURES, UNITS = 3, 7, 4, 5


def packed(lengths: list[int], width: int = FEATURES) -> tuple[list[tf.Tensor], tf.Tensor, tf.Tensor, tf.Tensor]:
    """Sequences apart, and laid end to end on one lane with their `keep` and numbers."""
    alone = [normal(1, length, width, seed=n + 10) for n, length in enumerate(lengths)]
    keep = np.ones((1, sum(lengths)), np.float32)
    keep[0, np.cumsum([0, *lengths[:-1]])] = 0
    numbers = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)[None]
    return alone, tf.concat(alone, 1), tf.constant(keep), tf.constant(numbers)


@cache
def compiled(kind: type[keras.layers.Layer], cell: str, **options: object) -> Callable:
    """A layer with random weights as one graph for every length."""
    layer = kind(cell, UNITS, **options)
    layer.build((None, None, FEATURES))
    randomise(layer)
    return tf.function(layer, reduce_retracing=True)


# Recurrent


@EVERY_CELL
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
@pytest.mark.parametrize("given_state", [False, True])
def test_recurrent_equals_the_stock_layer(cell: str, activation: str, given_state: bool) -> None:
    stock = STOCK[cell](UNITS, activation=activation, return_sequences=True, return_state=True)
    ours = Recurrent(cell, UNITS, activation)
    x = normal(BATCH, TIME, FEATURES)
    state = tuple(normal(BATCH, UNITS, seed=n + 2) for n in range(cells.get(cell).states)) if given_state else None
    stock.build(x.shape)
    ours.build(x.shape)
    randomise(stock)
    ours.set_weights(stock.get_weights())
    tensors = (x, state) if given_state else (x,)
    expected = results_and_gradients(lambda: stock(x, initial_state=state and list(state)), [stock], *tensors)
    assert_all_close(results_and_gradients(lambda: ours(x, state=state), [ours], *tensors), expected)


@EVERY_CELL
def test_weights_move_to_and_from_the_stock_layer(cell: str) -> None:
    stock, ours = STOCK[cell](UNITS), Recurrent(cell, UNITS)
    stock.build((None, None, FEATURES))
    ours.build((None, None, FEATURES))
    randomise(ours)
    stock.set_weights(ours.get_weights())
    back = Recurrent(cell, UNITS)
    back.build((None, None, FEATURES))
    back.set_weights(stock.get_weights())
    x = normal(BATCH, TIME, FEATURES)
    assert_all_close(stock(x), ours(x)[0][:, -1])
    np.testing.assert_array_equal(back(x)[0], ours(x)[0])


@EVERY_CELL
def test_xla_gives_the_same_outputs_and_gradients(cell: str) -> None:
    x, found = normal(BATCH, TIME, FEATURES), []
    for jit_compile in (False, True):
        layer = Recurrent(cell, UNITS, jit_compile=jit_compile)
        layer.build(x.shape)
        randomise(layer)
        call = tf.function(layer)  # Eager calls run without XLA.
        found.append(results_and_gradients(lambda call=call: call(x), [layer], x))
    assert_all_close(*found)


@pytest.mark.skipif(not tf.config.list_physical_devices("GPU"), reason="no GPU")
@EVERY_CELL
@pytest.mark.parametrize("xla", [False, True])
def test_trains_on_a_gpu_as_on_the_cpu(cell: str, xla: bool) -> None:
    x, y, losses = normal(BATCH, TIME, FEATURES), normal(BATCH, TIME, UNITS, seed=1), {}
    tf.config.experimental.enable_tensor_float_32_execution(False)
    for device in ("CPU:0", "GPU:0"):
        with tf.device(device):
            layer = Recurrent(cell, UNITS, jit_compile=xla)
            layer.build(x.shape)
            randomise(layer)
            optimizer = keras.optimizers.SGD(0.5)

            @tf.function
            def step(layer: Recurrent = layer, optimizer: keras.optimizers.Optimizer = optimizer) -> tf.Tensor:
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean((layer(x)[0] - y) ** 2)
                variables = layer.trainable_variables
                optimizer.apply(tape.gradient(loss, [v.value for v in variables]), variables)
                return loss

            losses[device] = [float(step()) for _ in range(10)]
    assert losses["GPU:0"][-1] < losses["GPU:0"][0]
    np.testing.assert_allclose(losses["GPU:0"], losses["CPU:0"], rtol=1e-4)


@EVERY_CELL
@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4))
@settings(max_examples=10, deadline=None)
def test_packed_sequences_give_the_outputs_each_gives_alone(cell: str, lengths: list[int]) -> None:
    alone, x, keep, _ = packed(lengths)
    layer = compiled(Recurrent, cell)
    expected = [layer(one, keep=tf.ones(one.shape[:2])) for one in alone]
    outputs, state = layer(x, keep=keep)
    assert_all_close(outputs, tf.concat([o for o, _ in expected], 1))
    assert_all_close(state, expected[-1][1])


@EVERY_CELL
def test_injected_state_starts_a_sequence_inside_a_window_and_has_a_gradient(cell: str) -> None:
    """As if the sequence began at the window's start with that initial state."""
    layer = Recurrent(cell, UNITS)
    layer.build((None, None, FEATURES))
    randomise(layer)
    x = normal(BATCH, TIME, FEATURES)
    given = tuple(normal(BATCH, UNITS, seed=n + 2) for n in range(cells.get(cell).states))
    keep = np.ones((BATCH, TIME), np.float32)
    keep[:, 3] = 0

    def packed_call() -> list:
        at = tf.one_hot(3, TIME)[None, :, None]
        outputs, state = layer(x, keep=keep, inject=tuple(at * g[:, None] for g in given))
        return [outputs[:, 3:], *state]

    def alone_call() -> list:
        outputs, state = layer(x[:, 3:], state=given)
        return [outputs, *state]

    found = [results_and_gradients(call, [layer], x, given) for call in (packed_call, alone_call)]
    assert_all_close(*found)


# RecurrentStack


@EVERY_CELL
@pytest.mark.parametrize("residual", [False, True])
def test_windows_with_carried_state_equal_one_pass(cell: str, residual: bool) -> None:
    _, x, keep, _ = packed([9, 4, 7])
    stack = RecurrentStack(cell, FEATURES, layers=2, residual=residual)
    whole, last = stack(x, keep=keep)
    outputs, state = [], None
    for start in range(0, 20, 5):
        window = slice(start, start + 5)
        out, state = stack(x[:, window], keep=keep[:, window], state=state)
        outputs.append(out)
    assert_all_close(tf.concat(outputs, 1), whole)
    assert_all_close(state, last)


@EVERY_CELL
def test_layers_are_composed_and_residuals_added_where_widths_agree(cell: str) -> None:
    x = normal(BATCH, TIME, FEATURES)
    for residual in (False, True):
        stack = RecurrentStack(cell, UNITS, layers=3, residual=residual)
        outputs, state = stack(x)
        first, _ = stack.forwards[0](x)
        second, _ = stack.forwards[1](first)
        second = second + first if residual else second
        third, last = stack.forwards[2](second)
        assert_all_close(outputs, third + second if residual else third)
        assert_all_close(state[2], last)


@EVERY_CELL
def test_bidirectional_stack_equals_the_stock_layer(cell: str) -> None:
    stock = keras.layers.Bidirectional(STOCK[cell](UNITS, return_sequences=True))
    stack = RecurrentStack(cell, UNITS, bidirectional=True)
    x = normal(BATCH, TIME, FEATURES)
    stock.build(x.shape)
    stack.build(x.shape)
    randomise(stock)
    stack.set_weights(stock.get_weights())
    expected = results_and_gradients(lambda: [stock(x)], [stock], x)
    assert_all_close(results_and_gradients(lambda: [stack(x)[0]], [stack], x), expected)


@EVERY_CELL
def test_bidirectional_stack_on_whole_packing_gives_what_each_sequence_gives_alone(cell: str) -> None:
    lengths = np.array([3, 8, 1, 5, 2, 2, 7, 4, 6])
    x = np.random.default_rng(0).normal(size=(lengths.sum(), FEATURES)).astype(np.float32)
    sequences = Sequences(lengths, {"x": x}, np.zeros(len(x)), np.ones(len(x)))
    stream = Stream(sequences, lanes=2, window=8, whole=True, shuffle=False)
    stack = compiled(RecurrentStack, cell, layers=2, bidirectional=True, residual=True)
    outputs = [stack(inputs["x"], keep=inputs["keep"])[0] for inputs, _, _ in stream.iterate()]
    together = stream.at_steps(np.concatenate(outputs))
    alone = [
        stack(x[None, at : at + length], keep=np.ones((1, length), np.float32))[0][0]
        for at, length in zip(sequences.offsets, lengths)
    ]
    assert_all_close(together, tf.concat(alone, 0))


def test_reversed_keep_starts_a_sequence_at_its_own_last_step() -> None:
    keep = tf.constant([[1.0, 1, 0, 1, 1, 0], [0, 0, 1, 1, 1, 1]])
    # Reading backwards: steps 5 | 4 3 2 | 1 0, and 5 4 3 2 1 | 0.
    assert reversed_keep(keep).numpy().tolist() == [[0, 0, 1, 1, 0, 1], [0, 1, 1, 1, 1, 0]]


@EVERY_CELL
@pytest.mark.parametrize("xla", [False, True])
def test_mixed_bfloat16_computes_nearly_the_same_with_float32_weights(cell: str, xla: bool) -> None:
    x, keep, results = normal(BATCH, TIME, FEATURES), np.ones((BATCH, TIME), np.float32), []
    keep[0, 3] = 0
    for policy in ("float32", "mixed_bfloat16"):
        stack = RecurrentStack(cell, UNITS, seed=1, jit_compile=xla, dtype=policy)
        stack.build((None, None, FEATURES))

        @tf.function
        def run(stack: RecurrentStack = stack) -> list[tf.Tensor]:
            variables = [v.value for v in stack.trainable_variables]
            with tf.GradientTape() as tape:
                outputs = tf.cast(stack(x, keep=tf.constant(keep))[0], tf.float32)
                total = tf.reduce_sum(outputs**2)
            return [outputs, *tape.gradient(total, variables)]

        results.append(run())
    for exact, rounded in zip(*results, strict=True):
        assert rounded.dtype == tf.float32
        np.testing.assert_allclose(rounded, exact, atol=0.03 * np.abs(exact).max())


# Configuration


LAYERS = [
    *(Recurrent(cell, 4, "relu", 0.25, 3, True, "identity", 2, name=f"a_{cell}") for cell in cells.names()),
    *(RecurrentStack(cell, 4, 2, True, True, 0.1, 0.2, "sigmoid", 5, name=f"b_{cell}") for cell in cells.names()),
    VariationalDropout(0.3, 4, True),
]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: f"{type(layer).__name__}_{layer.name}")
def test_configuration_makes_the_same_layer(layer: keras.layers.Layer) -> None:
    check_configuration(layer)


@EVERY_CELL
def test_the_same_seed_makes_the_same_weights_and_each_layer_has_its_own(cell: str) -> None:
    def stack(seed: int) -> RecurrentStack:
        made = RecurrentStack(cell, UNITS, layers=2, bidirectional=True, seed=seed)
        made.build((None, None, 2 * UNITS))
        return made

    first, again, other = stack(1), stack(1), stack(2)
    for a, b in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.allclose(first.get_weights()[0], other.get_weights()[0])
    kernels = [layer.get_weights()[0] for layer in (*first.forwards, *first.backwards)]
    assert all(not np.allclose(a, b) for n, a in enumerate(kernels) for b in kernels[:n])


# Dropout


def test_mask_is_fixed_within_a_sequence_and_differs_between_sequences_and_seeds() -> None:
    numbers = tf.constant([[0, 0, 0, 1, 1], [2, 2, 3, 3, 3]])
    mask = variational_mask(numbers, 64, 0.5, 1).numpy()
    of = {n: mask[numbers == n] for n in range(4)}
    assert all(np.all(rows == rows[0]) for rows in of.values())
    assert all(np.any(of[a][0] != of[b][0]) for a in of for b in of if a != b)
    assert np.any(variational_mask(numbers, 64, 0.5, 2).numpy() != mask)
    # The other windows of a sequence, and steps computed again, have the same mask.
    np.testing.assert_array_equal(variational_mask(numbers[:, 2:], 64, 0.5, 1), mask[:, 2:])


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("seed", [0, 1, 1000])
def test_masks_drop_that_share_of_sequences_of_units_and_keep_the_mean(rate: float, seed: int) -> None:
    mask = variational_mask(tf.range(1000), 100, rate, seed).numpy()
    assert np.unique(mask) == pytest.approx([0, 1 / (1 - rate)])
    five_sigma = 5 * np.sqrt(rate * (1 - rate) / mask.size)
    assert abs(np.mean(mask == 0) - rate) < five_sigma
    for axis in (0, 1):
        shares = np.mean(mask == 0, axis)
        assert np.std(shares) < 1.3 * np.sqrt(rate * (1 - rate) / mask.shape[axis])


def test_masks_of_neighbouring_sequences_units_and_seeds_are_not_correlated() -> None:
    def dropped(seed: int) -> np.ndarray:
        return variational_mask(tf.range(500), 64, 0.5, seed).numpy() > 0

    mask = dropped(1)
    neighbours = [(mask[1:], mask[:-1]), (mask[:, 1:], mask[:, :-1])]
    neighbours += [(mask, dropped(1 + step)) for step in (1, 4, 5, 9, 10, 1000)]
    for a, b in neighbours:
        assert abs(np.mean(a == b) - 0.5) < 5 * 0.5 / np.sqrt(a.size)


def test_uniform_numbers_are_uniform_and_below_one() -> None:
    numbers = uniform_of(tf.range(100_000), 3).numpy()
    assert numbers.min() >= 0 and numbers.max() < 1
    counts = np.histogram(numbers, 20, (0, 1))[0]
    assert np.abs(counts - 5000).max() < 5 * np.sqrt(5000)


def test_dropout_acts_only_in_training() -> None:
    layer, x = VariationalDropout(0.5, 1), tf.ones((2, 6, 16))
    numbers = tf.constant([[0] * 6, [1, 1, 1, 2, 2, 2]])
    np.testing.assert_array_equal(layer(x, sequence=numbers, training=False), x)
    dropped = layer(x, sequence=numbers, training=True)
    np.testing.assert_array_equal(dropped, variational_mask(numbers, 16, 0.5, 1))
    assert np.any(dropped != x)


def test_masks_drawn_under_xla_are_the_same() -> None:
    plain, compiled = VariationalDropout(0.3, 4), VariationalDropout(0.3, 4, jit_compile=True)
    x, numbers = tf.ones((3, 5, 16)), tf.reshape(tf.range(15), (3, 5))
    draw = tf.function(lambda x: compiled(x, sequence=numbers, training=True)).get_concrete_function(x)
    assert compiled_calls(draw) == 1
    np.testing.assert_array_equal(draw(x), plain(x, sequence=numbers, training=True))


def test_the_halves_of_a_bidirectional_stack_share_the_cores() -> None:
    one, two = RecurrentStack("gru", 4, 2), RecurrentStack("gru", 4, 2, bidirectional=True)
    assert [layer.beside for layer in one.forwards] == [1, 1]
    assert [layer.beside for layer in (*two.forwards, *two.backwards)] == [2] * 4


@EVERY_CELL
def test_recurrent_dropout_acts_only_in_training_and_the_same_in_every_window(cell: str) -> None:
    _, x, keep, numbers = packed([7, 5])
    layer, plain = Recurrent(cell, 16, recurrent_dropout=0.5, seed=2), Recurrent(cell, 16, seed=2)
    np.testing.assert_array_equal(layer(x, keep=keep, training=False)[0], plain(x, keep=keep)[0])
    whole, last = layer(x, keep=keep, sequence=numbers, training=True)
    assert not np.allclose(whole, plain(x, keep=keep)[0], atol=1e-3)
    first, state = layer(x[:, :4], keep=keep[:, :4], sequence=numbers[:, :4], training=True)
    rest, state = layer(x[:, 4:], keep=keep[:, 4:], state=state, sequence=numbers[:, 4:], training=True)
    assert_all_close(tf.concat([first, rest], 1), whole)
    assert_all_close(state, last)


@EVERY_CELL
def test_recurrent_dropout_masks_the_hidden_state_ahead_of_the_product(cell: str) -> None:
    """A dropped unit is a zero row of the recurrent kernel, a kept one is scaled."""
    x = normal(1, 6, FEATURES)
    numbers = tf.fill((1, 6), 5)
    layer, plain = Recurrent(cell, UNITS, recurrent_dropout=0.4, seed=3), Recurrent(cell, UNITS)
    outputs, _ = layer(x, sequence=numbers, training=True)
    plain.build(x.shape)
    kernel, recurrent, *others = layer.get_weights()
    mask = variational_mask(numbers[0, 0], UNITS, 0.4, 4).numpy()
    assert 0 < np.count_nonzero(mask) < UNITS
    plain.set_weights([kernel, mask[:, None] * recurrent, *others])
    assert_all_close(outputs, plain(x)[0])


@EVERY_CELL
def test_each_layer_and_direction_of_a_stack_has_masks_of_its_own(cell: str) -> None:
    stack = RecurrentStack(cell, UNITS, layers=3, bidirectional=True, dropout=0.5, recurrent_dropout=0.5, seed=1)
    seeds = [layer.seed + 1 for layer in (*stack.forwards, *stack.backwards)] + [d.seed for d in stack.dropouts]
    masks = [variational_mask(tf.range(20), UNITS, 0.5, seed).numpy() for seed in seeds]
    assert len(masks) == 8
    assert all(np.any(a != b) for n, a in enumerate(masks) for b in masks[:n])


def test_dropout_of_a_stack_is_between_its_layers() -> None:
    _, x, keep, numbers = packed([4, 3])
    stack = RecurrentStack("gru", UNITS, layers=2, dropout=0.5)
    outputs, _ = stack(x, keep=keep, sequence=numbers, training=True)
    first, _ = stack.forwards[0](x, keep=keep)
    dropped = first * variational_mask(numbers, UNITS, 0.5, stack.dropouts[0].seed)
    assert_all_close(outputs, stack.forwards[1](dropped, keep=keep)[0])
    assert not np.allclose(outputs, stack(x, keep=keep)[0], atol=1e-3)
