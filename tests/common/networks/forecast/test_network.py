"""The forecast network: what it may see, its quantiles, its configuration."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from common import cells
from common.layers.stack import RecurrentStack
from common.networks.forecast.network import ForecastNetwork
from tests.helpers import normal, randomise

BATCH, TIME, SEGMENT, HORIZON, COVARIATES, SEASONS = 2, 5, 3, 7, 2, 1
HEADS = pytest.mark.parametrize("head", ["segment", "recursive", "direct"])


def network_of(cell: str = "gru", head: str = "segment", **options: object) -> ForecastNetwork:
    stack = RecurrentStack(cell, 4, layers=2)
    sizes = {"segment": SEGMENT, "horizon": HORIZON, "covariates": COVARIATES, "seasons": SEASONS}
    made = ForecastNetwork(stack, **sizes, series=2, embedding=6, head=head, **options)
    made.build()
    randomise(made)
    return made


def window_of(time: int = TIME) -> dict[str, tf.Tensor]:
    keep = np.ones((BATCH, time), np.float32)
    keep[:, 0] = keep[1, 3] = 0
    return {
        "values": normal(BATCH, time, SEGMENT, seed=1),
        "absent": tf.zeros((BATCH, time, SEGMENT)),
        "last": normal(BATCH, time, seed=2),
        "series": tf.constant(np.arange(BATCH * time).reshape(BATCH, time) % 2, tf.int32),
        "levels": normal(BATCH, time, 0),
        "known": normal(BATCH, time, SEGMENT, COVARIATES, seed=3),
        "future": normal(BATCH, time, HORIZON, COVARIATES, seed=4),
        "naive": normal(BATCH, time, HORIZON, SEASONS, seed=5),
        "keep": tf.constant(keep),
        "sequence": tf.zeros((BATCH, time), tf.int32),
    }


@pytest.mark.parametrize("cell", cells.names())
@HEADS
def test_forecasts_every_step_with_rising_quantiles(cell: str, head: str) -> None:
    outputs, _ = network_of(cell, head)(window_of())
    assert outputs.shape == (BATCH, TIME, HORIZON, 4)
    assert (np.diff(outputs[..., 1:].numpy(), axis=-1) >= 0).all()


@HEADS
def test_a_forecast_sees_nothing_later_and_no_other_sequence(head: str) -> None:
    network, window = network_of(head=head), window_of()
    before = network(window)[0].numpy()
    values = window["values"].numpy()
    values[1, 2:] += 1.0
    after = network(window | {"values": tf.constant(values)})[0].numpy()
    np.testing.assert_allclose(before[0], after[0], atol=1e-6)
    np.testing.assert_allclose(before[1, :2], after[1, :2], atol=1e-6)
    assert not np.allclose(before[1, 2], after[1, 2])
    values[1, 3:] -= 1.0  # A sequence starts at step 3 and does not know of step 2.
    other = network(window | {"values": tf.constant(values)})[0].numpy()
    np.testing.assert_allclose(before[1, 3:], other[1, 3:], atol=1e-6)


@HEADS
def test_windows_with_carried_state_equal_one_pass(head: str) -> None:
    network, window = network_of(head=head), window_of()
    whole, after = network(window)
    first, carried = network({name: x[:, :2] for name, x in window.items()})
    rest, last = network({name: x[:, 2:] for name, x in window.items()}, state=carried)
    np.testing.assert_allclose(whole, np.concatenate([first, rest], 1), atol=1e-6)
    tf.nest.map_structure(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), after, last)


def test_what_is_ahead_of_the_last_step_alone_gives_its_forecast_alone() -> None:
    network, window = network_of(), window_of()
    whole, _ = network(window)
    last, _ = network(window | {name: window[name][:, -1:] for name in ("future", "naive")})
    np.testing.assert_allclose(whole[:, -1:], last, atol=1e-6)


def test_the_configuration_makes_the_same_network() -> None:
    network = network_of("lstm", "recursive", dropout=0.1)
    again = ForecastNetwork.from_config(network.get_config())
    again.build()
    assert again.get_config() == network.get_config()
    assert [w.shape for w in again.weights] == [w.shape for w in network.weights]


def test_the_intervals_of_each_series_hold_after_calibration_and_the_median_stays() -> None:
    network, window, draw = network_of(), window_of(), np.random.default_rng(0)
    network.correction.assign(tf.zeros_like(network.correction))
    before = network(window)[0].numpy()
    series = np.repeat([0, 1], 200)
    outputs = np.sort(draw.normal(size=(400, HORIZON, 4)).astype(np.float32), -1)
    targets = draw.normal(size=(400, HORIZON)) * np.linspace(1, 3, HORIZON) * (1 + series[:, None])
    targets[:200] = np.nan
    network.calibrate(outputs, targets, series=series)
    correction = network.correction.numpy()
    assert (correction[0] == 0).all() and (np.diff(correction[1, [0, -1], 2]) > 1).all()
    wide = outputs[200:, :, 1:] + correction[1]
    rounding = 1e-5  # The last target inside lies at an end, which float32 rounds.
    inside = (wide[..., 0] <= targets[200:] + rounding) & (targets[200:] - rounding <= wide[..., 2])
    assert inside.sum(0).tolist() == [161, 162, 162, 162, 163, 163, 164]  # 0.8 * (200 + (1 + steps) / 2), rounded up.
    after, where = network(window)[0].numpy(), window["series"].numpy()
    np.testing.assert_array_equal(before[..., [0, 2]], after[..., [0, 2]])
    np.testing.assert_array_equal(before[where == 0], after[where == 0])
    np.testing.assert_allclose((after - before)[..., 1:][where == 1], np.tile(correction[1], (5, 1, 1)), atol=1e-5)
    np.testing.assert_array_equal(network(window, training=True)[0], before)
