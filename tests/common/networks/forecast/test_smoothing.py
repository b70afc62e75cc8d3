"""Exponential smoothing of series: known answers, the choice of a way, and that nothing later is read."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from common.networks.forecast.smoothing import (
    TERMS,
    USUAL_MOVES,
    SmoothedTables,
    Smoothing,
    Way,
    fading_mean,
    fitted_smoothing,
    season_back,
)
from tests.panels import panel_of, tables_of


def smoothing_of(*ways: Way, season: int = 1, horizon: int = 3) -> Smoothing:
    return Smoothing(ways=ways, season=season, horizon=horizon, usual=np.ones(len(ways), np.float32))


def test_the_row_of_the_last_season_is_never_ahead() -> None:
    assert season_back(5, 2).tolist() == [-1, 0, -1, 0, -1]
    assert season_back(3, 1).tolist() == [0, 0, 0]
    assert season_back(2, 7).tolist() == [-6, -5]


@pytest.mark.parametrize(("stride", "fading"), [(1, 0.7), (3, 0.5), (2, 0.0), (1, 1.0)])
def test_a_fading_mean_is_the_weighted_mean_of_what_may_be_read(stride: int, fading: float) -> None:
    x, since = np.random.default_rng(0).normal(size=50).astype(np.float32), 4
    row = tf.range(50) - since
    found = fading_mean(tf.constant(x), row, stride=stride, fading=tf.constant(fading)).numpy()
    for at in range(since, 50):
        back = np.arange(at, since - 1, -stride)[:TERMS]
        weights = np.power(fading, np.arange(len(back)))
        assert found[at] == pytest.approx((weights * x[back]).sum() / weights.sum(), abs=1e-5)


def test_a_forecast_is_the_pattern_of_the_season_with_the_level_of_the_last_rows() -> None:
    season = np.tile([0.0, 4, 1], 20)
    tables = tables_of(panel_of(season + np.repeat([0.0, 8], 30)), 60)
    forecasts, _ = SmoothedTables(smoothing_of(Way(3, 1.0, 0.0)), tables, np.zeros(1, int)).after(
        np.array([0, 0]), np.array([29, 59])
    )
    found = tables.unscaled(np.array([0, 0]), forecasts)
    pattern = 8 * 10 / 20  # In the twenty seasons up to the end, ten have the higher level.
    last_difference = 8 - 8 * 9 / 19  # The pattern of the season before knew of nine in nineteen.
    np.testing.assert_allclose(found[0], [0, 4, 1], atol=1e-5)
    np.testing.assert_allclose(found[1], np.array([0, 4, 1]) + pattern + last_difference, atol=1e-4)


def test_the_swing_is_the_size_of_the_latest_moves_relative_to_the_usual_ones() -> None:
    values = np.concatenate([np.tile([0.0, 1], 10), np.tile([0.0, 5], 10)])
    tables = tables_of(panel_of(values), 40)
    usual = float(np.abs(np.diff(tables.values)).mean())
    smoothing = Smoothing(ways=[Way(1, 0.0, None)], season=1, horizon=4, usual=np.array([usual], np.float32))
    _, swing = SmoothedTables(smoothing, tables, np.zeros(1, int)).after(np.zeros(3, int), np.array([0, 12, 39]))
    low, high = (step / tables.scale[0] / usual for step in (1, 5))
    expected = [1, (4 * low + USUAL_MOVES) / (4 + USUAL_MOVES), (4 * high + USUAL_MOVES) / (4 + USUAL_MOVES)]
    np.testing.assert_allclose(swing, expected, rtol=1e-5)


def test_nothing_later_and_nothing_of_another_series_or_before_the_first_row_is_read() -> None:
    values = np.random.default_rng(1).normal(size=(2, 60))
    smoothing = smoothing_of(Way(4, 0.85, 0.7), Way(1, 0.6, None), season=4)
    at, since = (np.zeros(3, int), np.array([20, 30, 40])), np.array([10, 0])
    before = SmoothedTables(smoothing, tables_of(panel_of(*values), 60), since).after(*at)
    tables = tables_of(panel_of(*values), 60)
    tables.values[41:60] += 5
    tables.values[:10] -= 5
    tables.values[60:] *= 2
    for a, b in zip(before, SmoothedTables(smoothing, tables, since).after(*at)):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_each_series_is_smoothed_in_the_way_that_suits_its_training_rows() -> None:
    draw = np.random.default_rng(2)
    season = np.tile(5 * draw.normal(size=7), 60) + draw.normal(size=420)
    walk = np.cumsum(draw.normal(size=420))
    noise = draw.normal(size=420)
    tables = tables_of(panel_of(season, walk, noise), 420)
    ways = fitted_smoothing(tables, horizon=3, seasons=(7,)).ways
    assert ways[0].season == 7 and ways[0].pattern > 0.5
    assert ways[1] in {Way(1, 0.0, None), Way(1, 0.0, 0.0)}  # The last value.
    assert ways[2].pattern == 1.0
    changed = tables_of(panel_of(season, walk, noise), 300)
    changed.values[300:420] = 99  # After training: it makes no difference.
    assert fitted_smoothing(changed, horizon=3, seasons=(7,)).ways[0].season == 7
