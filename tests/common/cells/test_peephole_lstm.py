"""The peephole LSTM cell against its equations, and as a Keras citizen."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from common.cells.peephole_lstm import PeepholeLSTMCell

UNITS, FEATURES, LANES = 3, 2, 4


def built(**options) -> PeepholeLSTMCell:
    cell = PeepholeLSTMCell(UNITS, **options)
    cell.build((None, FEATURES))
    draw = np.random.default_rng(0)
    cell.set_weights([draw.normal(size=w.shape) for w in cell.weights])
    return cell


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("use_bias", [True, False])
def test_a_step_is_the_equations_unit_by_unit(use_bias: bool) -> None:
    cell = built(use_bias=use_bias)
    kernel, recurrent, *bias, peepholes = cell.get_weights()
    draw = np.random.default_rng(1)
    x, h, c = (draw.normal(size=(LANES, n)).astype(np.float32) for n in (FEATURES, UNITS, UNITS))
    expected = np.zeros((2, LANES, UNITS))
    for lane in range(LANES):
        for unit in range(UNITS):

            def net(gate: int, lane: int = lane, unit: int = unit) -> float:
                n = gate * UNITS + unit
                return x[lane] @ kernel[:, n] + h[lane] @ recurrent[:, n] + (bias[0][n] if bias else 0)

            old = c[lane, unit]
            i = sigmoid(net(0) + peepholes[0, unit] * old)
            f = sigmoid(net(1) + peepholes[1, unit] * old)
            new = f * old + i * np.tanh(net(2))
            o = sigmoid(net(3) + peepholes[2, unit] * new)
            expected[:, lane, unit] = o * np.tanh(new), new
    output, state = cell(x, [h, c])
    np.testing.assert_allclose(output, expected[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(state, expected, rtol=1e-5, atol=1e-6)


def test_without_peepholes_it_is_the_lstm() -> None:
    ours, stock = keras.layers.RNN(built(), return_sequences=True), keras.layers.LSTM(UNITS, return_sequences=True)
    x = np.random.default_rng(2).normal(size=(LANES, 5, FEATURES)).astype(np.float32)
    stock.build(x.shape)
    ours.build(x.shape)
    ours.set_weights([*stock.get_weights(), np.zeros((3, UNITS))])
    np.testing.assert_allclose(ours(x), stock(x), rtol=1e-5, atol=1e-6)


def test_peepholes_start_at_zero_and_the_forget_bias_at_one() -> None:
    cell = PeepholeLSTMCell(UNITS)
    cell.build((None, FEATURES))
    assert not np.any(cell.peepholes.numpy())
    np.testing.assert_array_equal(cell.bias.numpy()[UNITS : 2 * UNITS], 1)


def test_it_is_rebuilt_from_its_configuration() -> None:
    cell = PeepholeLSTMCell(UNITS, activation="relu", use_bias=False)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(cell))
    assert type(again) is PeepholeLSTMCell
    assert again.get_config() == cell.get_config()


def test_dropout_works_while_training_only() -> None:
    cell = built(dropout=0.5, recurrent_dropout=0.5, seed=0)
    x, state = np.ones((LANES, FEATURES), np.float32), [np.ones((LANES, UNITS), np.float32)] * 2
    calm = cell(x, state)[0]
    np.testing.assert_array_equal(calm, built()(x, state)[0])
    assert np.any(np.asarray(cell(x, state, training=True)[0]) != np.asarray(calm))
