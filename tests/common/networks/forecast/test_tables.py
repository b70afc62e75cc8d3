"""Windows cut from series, and scores with known answers."""

from __future__ import annotations

import numpy as np
import pytest

from common.networks.forecast.tables import Tables, season_back
from common.scoring.forecasts import Forecasts, Judge
from common.sources.series import Group, Panel

LEVELS = (0.1, 0.5, 0.9)


def panel_of(*columns: np.ndarray, known: np.ndarray | None = None) -> Panel:
    values = np.stack(columns, 1).astype(np.float32)
    known = np.zeros((len(values), 0), np.float32) if known is None else known.astype(np.float32)
    times = 3_600 * np.arange(len(values))
    names = [f"c{n}" for n in range(len(columns))]
    covariates = [f"k{n}" for n in range(known.shape[1])]
    group = Group(name="g", times=times, values=values, known=known)
    return Panel(groups=[group], columns=names, covariates=covariates, seconds=3_600, source="made")


def tables_of(panel: Panel, train: int, segment: int = 2, horizon: int = 3, seasons: tuple = (2,)) -> Tables:
    rows = len(panel.groups[0].times)
    return Tables(panel, [(train, rows, rows)], segment, horizon, seasons, with_calendar=False)


def test_scaling_knows_the_training_rows_alone() -> None:
    values = np.concatenate([np.tile([0.0, 2.0], 5), np.full(6, 1000.0)])
    tables = tables_of(panel_of(values, np.full(16, 7.0)), train=10)
    assert tables.mean.tolist() == [1, 7] and tables.scale.tolist() == [1, 1]
    assert tables.constant == ["g c1"]


def test_a_window_holds_segments_seasons_and_what_is_ahead() -> None:
    values, known = np.arange(12.0), np.arange(12.0)[:, None] * 10
    tables = tables_of(panel_of(values, known=known), train=12)
    inputs = {
        "row": np.array([[5, 10]]),
        "series": np.zeros((1, 2), int),
        "since": np.zeros((1, 2), int),
        "keep": np.ones((1, 2)),
    }
    found, targets = tables.expand(inputs | {"sequence": np.zeros((1, 2))}, np.zeros((1, 2)))

    def back(x: np.ndarray) -> list:
        return np.round(x * tables.scale[0] + tables.mean[0], 4).tolist()

    assert back(found["values"]) == [[[4, 5], [9, 10]]]
    assert back(found["last"]) == [[5, 10]]
    assert back(found["naive"][..., 0]) == [[[4, 5, 4], [9, 10, 9]]]
    assert back(targets[0, 0]) == [6, 7, 8] and back(targets[0, 1])[0] == 11 and np.isnan(targets[0, 1, 1:]).all()
    ahead = found["future"][..., 0] * tables.known_scale[0] + tables.known_mean[0]
    assert ahead[0, 0].round(3).tolist() == [60, 70, 80]


def test_missing_values_are_filled_from_before_and_are_no_targets() -> None:
    values = np.array([1.0, np.nan, 3, np.nan, 5, 6, 7, 8])
    tables = tables_of(panel_of(values), train=8)
    inputs = {
        "row": np.array([[1]]),
        "series": np.zeros((1, 1), int),
        "since": np.zeros((1, 1), int),
        "keep": np.ones((1, 1)),
    }
    found, targets = tables.expand(inputs | {"sequence": np.zeros((1, 1))}, np.zeros((1, 1)))
    assert found["absent"].tolist() == [[[0, 1]]]
    assert found["values"][0, 0, 0] == found["values"][0, 0, 1] == found["last"][0, 0]
    assert np.isnan(targets[0, 0]).tolist() == [False, True, False]


def judge_of(values: np.ndarray, train: int = 6, season: int = 1, horizon: int = 2) -> Judge:
    return Judge(tables_of(panel_of(values), train, horizon=horizon), [train], LEVELS, season)


def forecast(rows: list[int], mean: list, spread: float = 1.0) -> Forecasts:
    mean = np.array(mean, float)
    quantiles = mean[..., None] + np.array([-spread, 0, spread])
    return Forecasts(np.zeros(len(rows), int), np.array(rows), mean, quantiles)


def test_scores_of_known_errors() -> None:
    values = np.array([0.0, 1, 3, 4, 6, 7, 10, 20])
    judge = judge_of(values)
    found = judge.scores(forecast([5], [[12.0, 16.0]], spread=3))
    assert found["mae"] == pytest.approx(3)
    assert found["rmse"] == pytest.approx(np.sqrt((4 + 16) / 2))
    assert found["mape"] == pytest.approx(100 * (0.2 + 0.2) / 2)
    assert found["smape"] == pytest.approx(200 * (2 / 22 + 4 / 36) / 2)
    assert found["mase"] == pytest.approx(3 / np.mean([1, 2, 1, 2, 1]))
    assert found["coverage_80"] == pytest.approx(0.5)
    # 10 under 9, 12, 15; 20 over 13, 16, 19.
    first = np.mean([0.1 * 1, 0.5 * 2, 0.1 * 5])
    second = np.mean([0.1 * 7, 0.5 * 4, 0.9 * 1])
    assert found["pinball"] == pytest.approx((first + second) / 2)
    assert found["mae_standardised"] == pytest.approx(3 / values[:6].std())


def test_a_perfect_forecast_has_no_error_and_missing_truth_does_not_count() -> None:
    values = np.array([0.0, 1, 3, 4, 6, 7, 10, np.nan])
    found = judge_of(values).scores(forecast([5], [[10.0, 99.0]]))
    assert found["mae"] == pytest.approx(0, abs=1e-5) and found["coverage_80"] == 1


def test_seasonal_naive_repeats_the_last_season() -> None:
    values = np.array([1.0, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3])
    judge = judge_of(values, season=3, horizon=4)
    origins = forecast([5, 6], np.zeros((2, 4)))
    found = judge.naive(origins, forecast([3, 4], np.zeros((2, 4))), 3)
    assert found.mean.round(4).tolist() == [[1, 2, 3, 1], [2, 3, 1, 2]]
    assert judge.scores(found)["mae"] == pytest.approx(0, abs=1e-5)
    last = judge.naive(origins, forecast([3, 4], np.zeros((2, 4))), 1)
    assert last.mean.round(4).tolist() == [[3] * 4, [1] * 4]


def test_the_row_of_the_last_season_is_never_ahead() -> None:
    assert season_back(5, 2).tolist() == [-1, 0, -1, 0, -1]
    assert season_back(3, 1).tolist() == [0, 0, 0]
    assert season_back(2, 7).tolist() == [-6, -5]


def test_some_origins_are_spread_evenly() -> None:
    every = forecast(list(range(11)), np.zeros((11, 2)))
    assert every.some(3).row.tolist() == [0, 5, 10]
    assert every.some(99).row.tolist() == list(range(11))


@pytest.mark.parametrize("value", [0.1, 3.3, 1234.567])
def test_a_constant_series_is_named_and_not_blown_up(value: float) -> None:
    tables = tables_of(panel_of(np.full(12_000, value), np.arange(12_000)), train=11_990)
    assert tables.constant == ["g c0"] and tables.scale[0] == 1
    assert tables.mean == pytest.approx([value, 11_989 / 2], rel=1e-7)


def test_a_score_that_nothing_counts_for_is_left_out() -> None:
    found = judge_of(np.zeros(8), season=7).scores(forecast([5], [[1.0, 1.0]]))
    assert found["mae"] == 1 and not {"mape", "mase"} & set(found)
    found = judge_of(np.array([0.0, 1, 3, 4, 6, 7, 0, 10])).scores(forecast([5], [[1.0, 8.0]]))
    assert found["mape"] == pytest.approx(20)  # Of the second step alone; nothing is a share of 0.


def test_a_series_that_repeats_itself_exactly_is_not_in_mase() -> None:
    judge = Judge(tables_of(panel_of(np.full(8, 3.0), np.arange(8.0)), 6, horizon=2), [6], LEVELS, 1)
    said = forecast([5, 5], [[4.0, 4.0], [8.0, 9.0]])._replace(series=np.array([0, 1]))
    assert judge.scores(said)["mase"] == pytest.approx(2) and judge.without_mase == ["g c0"]


def test_naive_quantiles_are_of_each_series() -> None:
    at = np.arange(40)
    judge = Judge(tables_of(panel_of(at % 2, 100 * (at % 2)), 20, horizon=2), [20], LEVELS, 1)
    number, row = np.repeat([0, 1], 10), np.tile(np.arange(20, 30), 2)
    origins = Forecasts(number, row, np.zeros((20, 2)), np.zeros((20, 2, 3)))
    quantiles = judge.naive(origins, origins, 1).quantiles[:, 0]
    width = quantiles[:, -1] - quantiles[:, 0]
    assert width == pytest.approx(np.repeat([2.0, 200.0], 10), rel=1e-4)


def test_one_quantile_covers_nothing() -> None:
    judge = Judge(tables_of(panel_of(np.arange(8.0)), 6, horizon=2), [6], (0.5,), 1)
    said = forecast([5], [[6.0, 7.0]])
    assert not [name for name in judge.scores(said._replace(quantiles=said.quantiles[..., 1:2])) if "coverage" in name]
