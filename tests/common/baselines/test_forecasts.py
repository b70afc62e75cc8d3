"""Plain methods, on series whose forecasts are known."""

from __future__ import annotations

import numpy as np
import pytest

from common.baselines.forecasts import exponential_smoothing, last_value, seasonal_naive
from common.networks.forecast.tables import Tables
from common.scoring.forecasts import Judge, Origins
from tests.panels import LEVELS, panel_of, tables_of


def origins_of(tables: Tables, *rows: int, horizon: int, series: int = 0) -> Origins:
    return Origins.of(tables, np.full(len(rows), series), np.array(rows), horizon=horizon)


def test_seasonal_naive_repeats_the_last_season() -> None:
    tables = tables_of(panel_of(np.array([1.0, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3])), 6)
    origins, earlier = origins_of(tables, 5, 6, horizon=4), origins_of(tables, 3, 4, horizon=4)
    found = seasonal_naive(origins, tables, season=3, earlier=earlier, levels=LEVELS)
    assert found.mean.round(4).tolist() == [[1, 2, 3, 1], [2, 3, 1, 2]]
    assert Judge(tables, levels=LEVELS, season=3).scores(found)["mae"] == pytest.approx(0, abs=1e-5)
    last = last_value(origins, tables, earlier=earlier, levels=LEVELS)
    assert last.mean.round(4).tolist() == [[3] * 4, [1] * 4]


def test_naive_quantiles_are_of_each_series() -> None:
    at = np.arange(40)
    tables = tables_of(panel_of(at % 2, 100 * (at % 2)), 20)
    series, rows = np.repeat([0, 1], 10), np.tile(np.arange(20, 30), 2)
    origins = Origins.of(tables, series, rows, horizon=2)
    quantiles = last_value(origins, tables, earlier=origins, levels=LEVELS).quantiles[:, 0]
    width = quantiles[:, -1] - quantiles[:, 0]
    assert width == pytest.approx(np.repeat([2.0, 200.0], 10), rel=1e-4)


@pytest.mark.parametrize("rows", [1, 8, 12, 14])
def test_exponential_smoothing_of_a_short_history(rows: int) -> None:
    tables = tables_of(panel_of(np.arange(60) % 5), 42)
    origins = origins_of(tables, rows - 1, horizon=6)
    found = exponential_smoothing(origins, tables, season=5, levels=LEVELS)
    assert found.mean.shape == (1, 6) and found.quantiles.shape == (1, 6, 3)
    assert np.isfinite(found.mean).all()


def test_exponential_smoothing_finds_a_season() -> None:
    draw = np.random.default_rng(0)
    tables = tables_of(panel_of(100 + 10 * (np.arange(80) % 4) + draw.normal(0, 0.5, 80)), 60)
    found = exponential_smoothing(origins_of(tables, 60, horizon=4), tables, season=4, levels=(0.1, 0.5, 0.9))
    assert np.abs(found.mean - found.origins.actual).max() < 4
    assert (np.diff(found.quantiles, axis=-1) > 0).all()
    np.testing.assert_array_equal(found.quantiles[..., 1], found.mean)
