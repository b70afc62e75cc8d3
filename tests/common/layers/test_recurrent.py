"""The recurrent layer against layers of Keras, and against one sequence at a time."""

from __future__ import annotations

import hypothesis.strategies as st
import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings

from common import cells
from common.cells.seeds import seed_for
from common.layers.masks import variational_mask, weight_mask
from common.layers.recurrent import Recurrent
from tests.cell_checks import check_layer
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


@EVERY_CELL
def test_configuration_makes_the_same_layer(cell: str) -> None:
    weights = {"seed": 3, "recurrent_initializer": "identity"}
    layer = Recurrent(cell, 4, activation="relu", recurrent_dropout=0.25, weight_dropout=0.5, **weights)
    check_configuration(layer)


@EVERY_CELL
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
@pytest.mark.parametrize("given_state", [False, True])
def test_recurrent_equals_the_stock_layer(cell: str, activation: str, given_state: bool) -> None:
    check_layer(cell, activation, given_state=given_state)


@EVERY_CELL
def test_weights_move_to_and_from_the_stock_layer(cell: str) -> None:
    stock, ours = stock_layer(cell, UNITS), Recurrent(cell, UNITS)
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


@pytest.mark.parametrize("cell", ["lstm"])  # The scan of every cell is compared in test_scan.py.
def test_xla_gives_the_same_outputs_and_gradients(cell: str) -> None:
    x = normal(BATCH, TIME, FEATURES)
    layer = Recurrent(cell, UNITS)
    layer.build(x.shape)
    randomise(layer)

    def run() -> tuple[list, list]:
        with tf.GradientTape() as tape:
            results = tf.nest.flatten(layer(x))
            total = tf.add_n([tf.reduce_sum((n + 1.0) * r**2) for n, r in enumerate(results)])
        return results, tape.gradient(total, [v.value for v in layer.trainable_variables])

    found = [tf.function(run, jit_compile=jit)() for jit in (False, True)]
    assert_all_close(*found)


@pytest.mark.skipif(not tf.config.list_physical_devices("GPU"), reason="no GPU")
@EVERY_CELL
@pytest.mark.parametrize("xla", [False, True])
def test_trains_on_a_gpu_as_on_the_cpu(cell: str, xla: bool) -> None:
    x, y, losses = normal(BATCH, TIME, FEATURES), normal(BATCH, TIME, UNITS, seed=1), {}
    tf.config.experimental.enable_tensor_float_32_execution(False)
    for device in ("CPU:0", "GPU:0"):
        with tf.device(device):
            layer = Recurrent(cell, UNITS)
            layer.build(x.shape)
            randomise(layer)
            optimizer = keras.optimizers.SGD(0.5)

            @tf.function(jit_compile=xla)
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
    alone, x, keep, _ = packed(lengths, FEATURES)
    layer = layer_in_a_graph(Recurrent, cell, (FEATURES, UNITS))
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


@EVERY_CELL
def test_recurrent_dropout_acts_only_in_training_and_the_same_in_every_window(cell: str) -> None:
    _, x, keep, numbers = packed([7, 5], FEATURES)
    layer, plain = Recurrent(cell, 16, recurrent_dropout=0.5, seed=2), Recurrent(cell, 16, seed=2)
    np.testing.assert_array_equal(layer(x, keep=keep, training=False)[0], plain(x, keep=keep)[0])
    whole, last = layer(x, keep=keep, sequence=numbers, training=True)
    assert not np.allclose(whole, plain(x, keep=keep)[0], atol=1e-3)
    first, state = layer(x[:, :4], keep=keep[:, :4], sequence=numbers[:, :4], training=True)
    rest, state = layer(x[:, 4:], keep=keep[:, 4:], state=state, sequence=numbers[:, 4:], training=True)
    assert_all_close(tf.concat([first, rest], 1), whole)
    assert_all_close(state, last)


@EVERY_CELL
def test_recurrent_dropout_masks_the_hidden_state_before_the_product(cell: str) -> None:
    """A dropped unit is a zero row of the recurrent kernel, a kept one is scaled."""
    x = normal(1, 6, FEATURES)
    numbers = tf.fill((1, 6), 5)
    layer, plain = Recurrent(cell, UNITS, recurrent_dropout=0.4, seed=3), Recurrent(cell, UNITS)
    outputs, _ = layer(x, sequence=numbers, training=True)
    plain.build(x.shape)
    kernel, recurrent, *others = layer.get_weights()
    mask = variational_mask(numbers[0, 0], UNITS, rate=0.4, seed=seed_for(3, "recurrent dropout")).numpy()
    assert 0 < np.count_nonzero(mask) < UNITS
    plain.set_weights([kernel, mask[:, None] * recurrent, *others])
    assert_all_close(outputs, plain(x)[0])


@EVERY_CELL
def test_dropped_weights_are_zeros_of_the_recurrent_kernel_in_training_alone(cell: str) -> None:
    x, at = normal(2, 6, FEATURES), tf.constant(9)
    layer, plain = Recurrent(cell, UNITS, weight_dropout=0.4, seed=3), Recurrent(cell, UNITS)
    outputs, _ = layer(x, position=at, training=True)
    assert_all_close(tf.function(layer, jit_compile=True)(x, position=at, training=True)[0], outputs)
    plain.build(x.shape)
    kernel, recurrent, *others = layer.get_weights()
    plain.set_weights([kernel, recurrent, *others])
    np.testing.assert_array_equal(layer(x, position=at)[0], plain(x)[0])
    mask = weight_mask(at, recurrent.shape, rate=0.4, seed=seed_for(3, "weight dropout"), dtype="float32").numpy()
    plain.set_weights([kernel, mask * recurrent, *others])
    assert_all_close(outputs, plain(x)[0])
    assert not np.allclose(outputs, layer(x, position=at + 1, training=True)[0], atol=1e-3)
