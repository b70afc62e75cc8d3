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


def joined_window() -> dict[str, tf.Tensor]:
    return window_of() | {"smoothed": normal(BATCH, TIME, HORIZON, seed=6), "swing": tf.ones((BATCH, TIME))}


def plain_network(**options: object) -> ForecastNetwork:
    """A network that is not mixed with anything, nor widened."""
    network = network_of(**options)
    network.share.assign(1.0)
    network.swing_power.assign(0.0)
    return network


def test_before_it_is_adjusted_a_joined_network_is_the_network_alone() -> None:
    network, window = plain_network(), joined_window()
    np.testing.assert_array_equal(network.joined(window)[0], network(window)[0])


def test_the_intervals_of_each_series_hold_after_widening_and_the_median_stays() -> None:
    network, window, draw = plain_network(), joined_window(), np.random.default_rng(0)
    before = network.joined(window)[0].numpy()
    series = np.repeat([0, 1], 200)
    outputs = draw.normal(size=(400, HORIZON, 4)).astype(np.float32)
    outputs[..., 1:].sort(-1)
    outputs[..., 0] = outputs[..., 2]
    targets = draw.normal(size=(400, HORIZON)) * np.linspace(1, 3, HORIZON) * (1 + series[:, None])
    targets[:200] = np.nan
    network.widen(outputs, targets, swing=np.ones(400, np.float32), series=series)
    factors = network.widening.numpy()
    assert (factors[0] == 1).all() and (np.diff(factors[1, [0, -1], 2]) > 0).all()
    smoothed = outputs[..., 0]
    wide = network.join(outputs, smoothed, swing=np.ones(400, np.float32), series=series).numpy()[200:, :, 1:]
    rounding = 1e-4  # The last target inside lies at an end, which float32 rounds.
    inside = (wide[..., 0] <= targets[200:] + rounding) & (targets[200:] - rounding <= wide[..., 2])
    assert inside.sum(0).tolist() == [161, 162, 162, 162, 163, 163, 164]  # 0.8 * (200 + (1 + steps) / 2), rounded up.
    after = network.joined(window)[0].numpy()
    np.testing.assert_array_equal(before[..., [0, 2]], after[..., [0, 2]])
    more = network.joined(window | {"swing": 4 * window["swing"]})[0].numpy()
    assert (more[..., 3] - more[..., 1] > after[..., 3] - after[..., 1]).all()


def test_a_series_whose_widths_fail_has_equal_ones() -> None:
    network, draw = plain_network(), np.random.default_rng(0)
    series, swing = np.repeat([0, 1], 60), np.ones(120, np.float32)
    outputs = np.tile([0.0, -1, 0, 1], (120, HORIZON, 1)).astype(np.float32)
    outputs[60:90, :, 1:] = 0.5  # A low quantile above the mean.
    targets = draw.normal(size=(120, HORIZON))
    assert network.widen(outputs, targets, swing=swing, series=series).tolist() == [False, True]
    wide = network.join(outputs, outputs[..., 0], swing=swing, series=series).numpy()
    widths = wide[..., 3] - wide[..., 1]
    assert widths.max() < 5 and (widths[60:] == widths[60]).all()


@pytest.mark.parametrize("share", [0.0, 0.35, 1.0])
def test_the_share_with_the_least_error_is_found_and_the_quantiles_move_with_the_mean(share: float) -> None:
    network, draw = plain_network(), np.random.default_rng(1)
    outputs = np.sort(draw.normal(size=(60, HORIZON, 4)).astype(np.float32), -1)
    plain = draw.normal(size=(60, HORIZON)).astype(np.float32)
    targets = share * outputs[..., 0] + (1 - share) * plain
    targets[:9] = np.nan
    found = network.mix(outputs, plain, targets=targets)
    assert found["network_share"] == pytest.approx(share, abs=1e-9) and found["val_joined_mae"] < 1e-6
    assert found["val_network_mae"] == pytest.approx(np.nanmean(np.abs(outputs[..., 0] - targets)), abs=1e-6)
    assert found["val_smoothing_mae"] == pytest.approx(np.nanmean(np.abs(plain - targets)), abs=1e-6)
    swing, series = np.ones(60, np.float32), np.zeros(60, int)
    joined = network.join(outputs, plain, swing=swing, series=series).numpy()
    np.testing.assert_allclose(joined[9:, :, 0], targets[9:], atol=1e-6)
    np.testing.assert_allclose(joined - joined[..., :1], outputs - outputs[..., :1], atol=1e-5)
    assert network.mix(outputs, plain, targets=np.full_like(targets, np.nan)) == {}
