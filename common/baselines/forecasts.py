"""Forecasts of plain methods."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from rich.progress import track

from common.networks.forecast.smoothing import season_back
from common.networks.forecast.tables import Tables
from common.scoring.forecasts import Forecasts, Origins

HISTORY = 28
"""Number of seasons that exponential smoothing is fitted on."""
LONGEST_SEASON = 400
"""Rows of the longest season that is smoothed: one of 1,440 rows takes 1.5 GB and most of a minute an origin."""
SMOOTHED_ORIGINS = 40
"""Maximum number of origins that exponential smoothing forecasts from: each takes a second."""


def plain(
    answers: Forecasts, tables: Tables, *, earlier: Origins, seasons: Sequence[int], levels: Sequence[float]
) -> dict[str, Callable[[], Forecasts]]:
    """Functions that make the forecasts of plain methods, by name.

    The methods are the last value, each season, and the shortest season smoothed.

    Args:
        answers: The forecasts of a network, at whose origins the methods forecast, smoothing at some of them.
        tables: The series.
        earlier: Earlier origins, at which the errors are measured.
        seasons: Rows of each season.
        levels: Levels of the quantiles.
    """
    given = {"earlier": earlier, "levels": levels}
    found = {"last_value": partial(last_value, answers.origins, tables, **given)}
    for season in seasons:
        found[f"seasonal_naive_{season}"] = partial(seasonal_naive, answers.origins, tables, season=season, **given)
    some = answers.some(SMOOTHED_ORIGINS).origins
    smoothed = partial(exponential_smoothing, some, tables, season=min(seasons, default=1), levels=levels)
    return found | {f"exponential_smoothing, {len(some.row)} origins": smoothed}


def last_value(origins: Origins, tables: Tables, *, earlier: Origins, levels: Sequence[float]) -> Forecasts:
    """Repeats the last value; the quantiles are made as in `seasonal_naive`."""
    return seasonal_naive(origins, tables, season=1, earlier=earlier, levels=levels)


def seasonal_naive(
    origins: Origins, tables: Tables, *, season: int, earlier: Origins, levels: Sequence[float]
) -> Forecasts:
    """Repeats the last season; quantiles are this mean plus quantiles of the series's earlier errors at that step.

    Args:
        origins: The origins to forecast from.
        tables: The series.
        season: Rows of the season.
        earlier: Earlier origins, at which the errors are measured.
        levels: Levels of the quantiles.
    """
    mean = _repeated(origins, tables, season)
    errors = earlier.actual - _repeated(earlier, tables, season)
    quantiles = np.zeros((*mean.shape, len(levels)))
    for number in np.unique(origins.series):
        spread = np.nanquantile(errors[earlier.series == number], np.array(levels), axis=0).T  # [horizon, levels]
        here = origins.series == number
        quantiles[here] = mean[here][..., None] + spread
    return Forecasts(origins, mean, quantiles)


def _repeated(origins: Origins, tables: Tables, season: int) -> np.ndarray:
    """The last season's values for the rows ahead, in the user's units, `[origins, horizon]`."""
    same = origins.row[:, None] + season_back(origins.actual.shape[1], season)
    at = tables.offset[origins.series][:, None] + np.where(same < 0, origins.row[:, None], same)
    return tables.unscaled(origins.series, tables.values[at])


def exponential_smoothing(origins: Origins, tables: Tables, *, season: int, levels: Sequence[float]) -> Forecasts:
    """ETS(A, N, A) of statsmodels, fitted before each origin on the last 28 seasons; ETS(A, N, N) for a short history.

    An origin takes about a second.

    Args:
        origins: The origins to forecast from.
        tables: The series.
        season: Rows of the season; 1 for none. One of more than `LONGEST_SEASON` rows is left out.
        levels: Levels of the quantiles.
    """
    import pandas as pd
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    horizon, means, quantiles = origins.actual.shape[1], [], []
    rows = list(zip(origins.series, origins.row))
    for number, row in track(rows, "exponential smoothing", disable=len(rows) <= 2):
        offset = tables.offset[number]
        history = tables.values[offset + max(0, row + 1 - HISTORY * season) : offset + row + 1]
        how = {"initialization_method": "heuristic" if len(history) >= 10 else "estimated"}
        needed = max(2 * season, 10 + 2 * (season // 2))  # By the heuristic.
        if 1 < season <= LONGEST_SEASON and len(history) >= needed:
            how |= {"seasonal": "add", "seasonal_periods": season}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = ETSModel(pd.Series(history, dtype=float), error="add", **how).fit(disp=False, maxiter=100)
            predicted = fit.get_prediction(len(history), len(history) + horizon - 1)
            mean = np.asarray(predicted.predicted_mean)
            # An interval has two bounds; the quantile is the lower or the upper one.
            bounds = {q: np.asarray(predicted.pred_int(alpha=2 * min(q, 1 - q))) for q in levels if q != 0.5}
        means.append(mean)
        quantiles.append(np.stack([mean if q == 0.5 else bounds[q][:, int(q > 0.5)] for q in levels], -1))
    mean, quantile = (tables.unscaled(origins.series, np.stack(parts)) for parts in (means, quantiles))
    return Forecasts(origins, mean, quantile)
