"""Scores of forecasts, with known answers."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from common.scoring.forecasts import Judge
from tests.panels import LEVELS, forecast, panel_of, tables_of


def judge_of(*columns: np.ndarray, train: int = 6, season: int = 1) -> Judge:
    return Judge(tables_of(panel_of(*columns), train), levels=LEVELS, season=season)


def test_scores_of_known_errors() -> None:
    values = np.array([0.0, 1, 3, 4, 6, 7, 10, 20])
    judge = judge_of(values)
    found = judge.scores(forecast(judge.tables, [5], [[12.0, 16.0]], spread=3))
    assert found["mae"] == pytest.approx(3)
    assert found["rmse"] == pytest.approx(np.sqrt((4 + 16) / 2))
    assert found["mape"] == pytest.approx(100 * (0.2 + 0.2) / 2)
    assert found["smape"] == pytest.approx(200 * (2 / 22 + 4 / 36) / 2)
    assert found["mase"] == pytest.approx(3 / np.mean([1, 2, 1, 2, 1]))
    assert found["coverage_80"] == pytest.approx(0.5)
    # 10 under 9, 12, 15; 20 over 13, 16, 19.
    assert found["winkler_80"] == pytest.approx((6 + 6 + 1 / 0.1) / 2)
    first = np.mean([0.1 * 1, 0.5 * 2, 0.1 * 5])
    second = np.mean([0.1 * 7, 0.5 * 4, 0.9 * 1])
    assert found["pinball"] == pytest.approx((first + second) / 2)
    assert found["mae_standardised"] == pytest.approx(3 / values[:6].std())


def test_a_perfect_forecast_has_no_error_and_a_missing_value_does_not_count() -> None:
    values = np.array([0.0, 1, 3, 4, 6, 7, 10, np.nan])
    judge = judge_of(values)
    found = judge.scores(forecast(judge.tables, [5], [[10.0, 99.0]]))
    assert found["mae"] == pytest.approx(0, abs=1e-5) and found["coverage_80"] == 1


def test_a_value_outside_costs_more_on_the_side_where_fewer_are_to_lie() -> None:
    tables = tables_of(panel_of(np.array([0.0, 1, 3, 4, 6, 7, 10, 20, 5])), 6)
    found = forecast(tables, [5], [[10.0, 15, 9]])
    scores = Judge(tables, levels=(0.2, 0.4, 0.9), season=1).scores(found)
    assert scores["coverage_70"] == pytest.approx(1 / 3)
    assert scores["winkler_70"] == pytest.approx(2 + (4 / 0.1 + 3 / 0.2) / 3)


def test_some_origins_are_spread_evenly() -> None:
    every = forecast(tables_of(panel_of(np.arange(13.0)), train=6), list(range(11)), np.zeros((11, 2)))
    assert every.some(3).origins.row.tolist() == [0, 5, 10]
    assert every.some(99).origins.row.tolist() == list(range(11))


def test_a_score_that_nothing_counts_for_is_left_out() -> None:
    judge = judge_of(np.zeros(8), season=7)
    found = judge.scores(forecast(judge.tables, [5], [[1.0, 1.0]]))
    assert found["mae"] == 1 and not {"mape", "mase"} & set(found)
    judge = judge_of(np.array([0.0, 1, 3, 4, 6, 7, 0, 10]))
    found = judge.scores(forecast(judge.tables, [5], [[1.0, 8.0]]))
    assert found["mape"] == pytest.approx(20)  # Of the second step alone; nothing is a share of 0.


def test_a_series_that_repeats_itself_exactly_is_not_in_mase() -> None:
    judge = judge_of(np.full(8, 3.0), np.arange(8.0))
    first = forecast(judge.tables, [5], [[4.0, 4.0]])
    second = forecast(judge.tables, [5], [[8.0, 9.0]], series=1)
    assert "mase" not in judge.scores(first)
    assert judge.scores(second)["mase"] == pytest.approx(2) and judge.without_mase == ["c0"]
    assert "not in MASE, with no seasonal error in training: c0" in judge.report(second)


def test_one_quantile_covers_nothing() -> None:
    tables = tables_of(panel_of(np.arange(8.0)), 6)
    found = forecast(tables, [5], [[6.0, 7.0]])
    scores = Judge(tables, levels=(0.5,), season=1).scores(found._replace(quantiles=found.quantiles[..., 1:2]))
    assert scores and not [name for name in scores if "coverage" in name or "winkler" in name]


def test_scores_by_steps_ahead_are_shown_and_written(tmp_path: Path) -> None:
    judge = judge_of(np.array([0.0, 1, 3, 4, 6, 7, 10, 20]))
    found = forecast(judge.tables, [4, 5], [[7.0, 12.0], [12.0, 16.0]])
    assert judge.by_step(found)["mae"].tolist() == [1, 3]
    assert judge.by_step(found)["rmse"] == pytest.approx(np.sqrt([2, 10]))
    first, names, *rows = judge.report(found).splitlines()
    assert first == "2 forecasts of 2 steps" and names.split()[:3] == ["steps", "ahead", "mae"]
    assert [row.split()[:2] for row in rows] == [["1", "1.0000"], ["2", "3.0000"]]
    judge.write_by_step({"naive": found, "lstm": found}, tmp_path / "by_step.csv")
    names, *rows = csv.reader((tmp_path / "by_step.csv").open())
    assert names[:3] == ["method", "steps_ahead", "mae"]
    assert [row[:3] for row in rows] == [[m, n, e] for m in ("naive", "lstm") for n, e in (("1", "1.0"), ("2", "3.0"))]


def test_forecasts_are_put_in_order() -> None:
    tables = tables_of(panel_of(np.arange(8.0)), 6)
    found = forecast(tables, [4, 2, 5], [[4.0, 0], [2, 0], [5, 0]]).in_order()
    assert found.origins.row.tolist() == [2, 4, 5] and found.mean[:, 0].tolist() == [2, 4, 5]
    assert found.origins.actual[:, 0].tolist() == [3, 5, 6]
