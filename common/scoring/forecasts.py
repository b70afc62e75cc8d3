"""Forecasts from several origins, and their scores."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from common.networks.forecast.tables import Tables, season_back
from tasks.base import Scores


class Forecasts(NamedTuple):
    """Forecasts from several origins, in the user's units.

    Attributes:
        series: Number of each forecast's series, `[origins]`.
        row: The row after which it was made, `[origins]`.
        mean: `[origins, horizon]`.
        quantiles: `[origins, horizon, levels]`.
    """

    series: np.ndarray
    row: np.ndarray
    mean: np.ndarray
    quantiles: np.ndarray

    def take(self, which: np.ndarray) -> Forecasts:
        return Forecasts(*(values[which] for values in self))

    def in_order(self) -> Forecasts:
        """By series, then by row."""
        return self.take(np.lexsort((self.row, self.series)))

    def some(self, number: int) -> Forecasts:
        """So many of them, evenly spread; all where there are fewer."""
        return self.take(np.unique(np.linspace(0, len(self.row) - 1, number).round().astype(int)))


class Judge:
    """Scores forecasts against what came.

    Args:
        tables: The series.
        trained: Rows of training, of each group.
        levels: Of the quantiles.
        season: Of MASE.
    """

    def __init__(self, tables: Tables, trained: Sequence[int], levels: Sequence[float], season: int) -> None:
        self.tables = tables
        self.trained = trained
        self.levels = np.array(levels)
        self.season = season

    def truth(self, said: Forecasts) -> np.ndarray:
        """What came, in the user's units, `[origins, horizon]`; NaN where missing."""
        tables = self.tables
        at = (tables.offset[said.series] + said.row)[:, None] + np.arange(1, tables.horizon + 1)
        return tables.told[at].astype(np.float64)

    @cached_property
    def _naive_error(self) -> np.ndarray:
        """Mean absolute error of repeating the last season, over the training rows of each series; NaN where none."""
        tables, errors = self.tables, []
        for number, group in enumerate(tables.group_of):
            at = slice(tables.offset[number], tables.offset[number] + self.trained[group])
            gaps = np.abs(tables.told[at][self.season :] - tables.told[at][: -self.season])
            errors.append(np.nanmean(gaps) if (gaps > 0).any() else np.nan)
        return np.array(errors)

    @property
    def without_mase(self) -> list[str]:
        """Names of the series that training has no seasonal error of, by which MASE could be scaled."""
        return [name for name, error in zip(self.tables.names, self._naive_error) if np.isnan(error)]

    def by_step(self, said: Forecasts) -> dict[str, np.ndarray]:
        """Every score by steps ahead, each `[horizon]`; NaN where nothing counts."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # A step ahead without any truth has no mean.
            found = {name: np.nanmean(values, 0) for name, values in self._each(said).items()}
        return found | {"rmse": np.sqrt(found["rmse"])}

    def scores(self, said: Forecasts) -> Scores:
        """Each score over all origins and steps ahead; those are left out for which nothing counts."""
        each = self._each(said).items()
        found = {name: float(np.nanmean(values)) for name, values in each if not np.isnan(values).all()}
        return found | {"rmse": found["rmse"] ** 0.5} if "rmse" in found else found

    def _each(self, said: Forecasts) -> dict[str, np.ndarray]:
        """What each score is the mean of, `[origins, horizon]`, NaN where it does not count; of RMSE the squares.

        MAPE and sMAPE in percent (MAPE over values that are not 0); MASE as Hyndman & Koehler 2006, "Another look at
        measures of forecast accuracy"; pinball the mean over the levels; coverage the share inside the outermost
        levels, where there are two.
        """
        truth = self.truth(said)
        error = said.mean - truth
        low, high = said.quantiles[..., 0], said.quantiles[..., -1]
        each = truth[..., None] - said.quantiles
        pinball = np.maximum(self.levels * each, (self.levels - 1) * each).mean(-1)
        inside = np.where(np.isnan(each).any(-1), np.nan, (low <= truth) & (truth <= high))
        width = round(100 * (self.levels[-1] - self.levels[0]))
        scale = self.tables.scale[said.series][:, None]
        with np.errstate(all="ignore"):
            share = np.where(truth == 0, np.nan, np.abs(error / truth))
            both = np.abs(truth) + np.abs(said.mean)
            return {
                "mae": np.abs(error),
                "rmse": error**2,
                "mape": 100 * share,
                "smape": np.where(both == 0, 0.0, 200 * np.abs(error) / both),
                "mase": np.abs(error) / self._naive_error[said.series][:, None],
                "pinball": pinball,
                **({f"coverage_{width}": inside} if len(self.levels) > 1 else {}),
                "mse_standardised": (error / scale) ** 2,
                "mae_standardised": np.abs(error / scale),
            }

    def naive(self, origins: Forecasts, earlier: Forecasts, season: int) -> Forecasts:
        """Repeats the last season; its quantiles are of each series's errors at earlier origins, by steps ahead."""
        mean = self._repeated(origins, season)
        errors = self.truth(earlier) - self._repeated(earlier, season)
        quantiles = np.zeros((*mean.shape, len(self.levels)))
        for number in np.unique(origins.series):
            spread = np.nanquantile(errors[earlier.series == number], self.levels, axis=0).T  # [horizon, levels]
            here = origins.series == number
            quantiles[here] = mean[here][..., None] + spread
        return Forecasts(origins.series, origins.row, mean, quantiles)

    def _repeated(self, origins: Forecasts, season: int) -> np.ndarray:
        tables = self.tables
        same = origins.row[:, None] + season_back(tables.horizon, season)
        at = tables.offset[origins.series][:, None] + np.where(same < 0, origins.row[:, None], same)
        return tables.values[at] * tables.scale[origins.series][:, None] + tables.mean[origins.series][:, None]
