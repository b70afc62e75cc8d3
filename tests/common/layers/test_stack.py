"""Stacks of recurrent layers, one way and both ways."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from common import cells
from common.cells.seeds import seed_for
from common.layers.masks import variational_mask
from common.layers.stack import RecurrentStack, reversed_keep
from common.streams.sequences import Sequences
from common.streams.stream import Stream
from tests.helpers import (
    EVERY_CELL,
    assert_all_close,
    check_configuration,
    layer_in_a_graph,
    normal,
    packed,
    randomise,
    results_and_gradients,
    stock_layer,
)

BATCH, TIME, FEATURES, UNITS = 3, 7, 4, 5


@pytest.mark.parametrize("cell", [*cells.names(), *cells.control_names()])
def test_configuration_makes_the_same_stack(cell: str) -> None:
    widths = {"layers": 2, "bidirectional": True, "residual": True}
    drawn = {"dropout": 0.1, "recurrent_dropout": 0.2, "weight_dropout": 0.3, "seed": 5}
    check_configuration(RecurrentStack(cell, 4, activation="sigmoid", **widths, **drawn))


def test_reversed_keep_starts_a_sequence_at_its_own_last_step() -> None:
    keep = tf.constant([[1.0, 1, 0, 1, 1, 0], [0, 0, 1, 1, 1, 1]])
    # Reading backwards: steps 5 | 4 3 2 | 1 0, and 5 4 3 2 1 | 0.
    assert reversed_keep(keep).numpy().tolist() == [[0, 0, 1, 1, 0, 1], [0, 1, 1, 1, 1, 0]]


@EVERY_CELL
@pytest.mark.parametrize("residual", [False, True])
def test_windows_with_carried_state_equal_one_pass(cell: str, residual: bool) -> None:
    _, x, keep, _ = packed([9, 4, 7], FEATURES)
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
    stock = keras.layers.Bidirectional(stock_layer(cell, UNITS, return_sequences=True))
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
    sequences = Sequences(lengths, {"x": x}, targets=np.zeros(len(x)), weights=np.ones(len(x)))
    stream = Stream(sequences, lanes=2, window=8, whole=True, shuffle=False)
    stack = layer_in_a_graph(RecurrentStack, cell, (FEATURES, UNITS), layers=2, bidirectional=True, residual=True)
    outputs = [stack(inputs["x"], keep=inputs["keep"])[0] for inputs, _, _ in stream.iterate()]
    together = stream.at_steps(np.concatenate(outputs))
    alone = [
        stack(x[None, at : at + length], keep=np.ones((1, length), np.float32))[0][0]
        for at, length in zip(sequences.offsets, lengths)
    ]
    assert_all_close(together, tf.concat(alone, 0))


@EVERY_CELL
@pytest.mark.parametrize("xla", [False, True])
def test_mixed_bfloat16_computes_nearly_the_same_with_float32_weights(cell: str, xla: bool) -> None:
    x, keep, results = normal(BATCH, TIME, FEATURES), np.ones((BATCH, TIME), np.float32), []
    keep[0, 3] = 0
    for policy in ("float32", "mixed_bfloat16"):
        stack = RecurrentStack(cell, UNITS, seed=1, dtype=policy)
        stack.build((None, None, FEATURES))

        @tf.function(jit_compile=xla)
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


@EVERY_CELL
def test_each_layer_and_direction_of_a_stack_has_masks_of_its_own(cell: str) -> None:
    stack = RecurrentStack(cell, UNITS, layers=3, bidirectional=True, dropout=0.5, recurrent_dropout=0.5, seed=1)
    seeds = [seed_for(layer.seed, "recurrent dropout") for layer in (*stack.forwards, *stack.backwards)] + [
        d.seed for d in stack.dropouts
    ]
    masks = [variational_mask(tf.range(20), UNITS, rate=0.5, seed=seed).numpy() for seed in seeds]
    assert len(masks) == 8
    assert all(np.any(a != b) for n, a in enumerate(masks) for b in masks[:n])


def test_dropout_of_a_stack_is_between_its_layers() -> None:
    _, x, keep, numbers = packed([4, 3], FEATURES)
    stack = RecurrentStack("gru", UNITS, layers=2, dropout=0.5)
    outputs, _ = stack(x, keep=keep, sequence=numbers, training=True)
    first, _ = stack.forwards[0](x, keep=keep)
    dropped = first * variational_mask(numbers, UNITS, rate=0.5, seed=stack.dropouts[0].seed)
    assert_all_close(outputs, stack.forwards[1](dropped, keep=keep)[0])
    assert not np.allclose(outputs, stack(x, keep=keep)[0], atol=1e-3)
