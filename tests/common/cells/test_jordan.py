"""The Jordan cell against its equations, and as a Keras citizen."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from common.cells.jordan import JordanCell

UNITS, FEATURES, LANES = 3, 2, 4


def built(**options) -> JordanCell:
    cell = JordanCell(UNITS, **options)
    cell.build((None, FEATURES))
    draw = np.random.default_rng(0)
    cell.set_weights([draw.normal(size=w.shape) for w in cell.weights])
    return cell


@pytest.mark.parametrize("use_bias", [True, False])
def test_a_step_is_the_equations_unit_by_unit(use_bias: bool) -> None:
    cell = built(use_bias=use_bias)
    kernel, recurrent, *bias, out = cell.get_weights()
    b, c = np.split(bias[0], 2) if bias else (np.zeros(UNITS),) * 2
    draw = np.random.default_rng(1)
    x, before = (draw.normal(size=(LANES, n)).astype(np.float32) for n in (FEATURES, UNITS))
    expected = np.zeros((LANES, UNITS))
    for lane in range(LANES):
        hidden = [np.tanh(x[lane] @ kernel[:, n] + before[lane] @ recurrent[:, n] + b[n]) for n in range(UNITS)]
        for unit in range(UNITS):
            expected[lane, unit] = np.tanh(sum(h * v for h, v in zip(hidden, out[:, unit])) + c[unit])
    output, (state,) = cell(x, [before])
    np.testing.assert_allclose(output, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(state, output)


def test_only_the_outputs_are_carried() -> None:
    """Where the last output is the same, what came before it does not matter."""
    layer = keras.layers.RNN(built(), return_sequences=True)
    x = np.random.default_rng(2).normal(size=(LANES, 5, FEATURES)).astype(np.float32)
    outputs = layer(x)
    np.testing.assert_allclose(layer(x[:, 3:], initial_state=[outputs[:, 2]]), outputs[:, 3:], rtol=1e-5, atol=1e-6)


def test_it_is_rebuilt_from_its_configuration() -> None:
    cell = JordanCell(UNITS, activation="relu", use_bias=False)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(cell))
    assert type(again) is JordanCell
    assert again.get_config() == cell.get_config()


def test_dropout_works_while_training_only() -> None:
    cell = built(dropout=0.5, recurrent_dropout=0.5, seed=0)
    x, state = np.ones((LANES, FEATURES), np.float32), [np.ones((LANES, UNITS), np.float32)]
    calm = cell(x, state)[0]
    np.testing.assert_array_equal(calm, built()(x, state)[0])
    assert np.any(np.asarray(cell(x, state, training=True)[0]) != np.asarray(calm))
