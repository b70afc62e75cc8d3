"""Time series as arrays: scaled, cut into windows, and the scores of forecasts from every origin."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from common.sources.series import Panel
from common.task import Scores


class Tables:
    """The series as arrays, scaled by what their training rows say, and the windows cut from them.

    Args:
        panel: The series.
        borders: The rows at which training, validation and testing end, of each group.
        segment: Rows of a segment.
        horizon: Rows to forecast.
        seasons: Rows after which the series tend to repeat themselves.
        with_calendar: Whether the place in day, week and year is among the covariates.
        levels: Numbers of rows whose mean is read beside a segment.

    Attributes:
        group_of: Number of each series's group.
        names: Of the series, group and column.
        constant: Names of series that do not change in training.
        span: Seconds that training covers.
        known: Scaled covariates and calendar of each group, `[rows, covariates]`.
    """

    def __init__(
        self,
        panel: Panel,
        borders: Sequence[tuple[int, int, int]],
        segment: int,
        horizon: int,
        seasons: Sequence[int],
        with_calendar: bool,
        levels: Sequence[int] = (),
    ) -> None:
        from common.forecasting import calendar  # Imports TensorFlow.

        self.segment, self.horizon, self.seasons, self.levels = segment, horizon, seasons, levels
        self.group_of = [g for g in range(len(panel.groups)) for _ in panel.columns]
        trained = [group.known[: border[0]] for group, border in zip(panel.groups, borders)]
        self.known_mean, self.known_scale = _mean_and_scale(np.concatenate(trained))
        self.span = panel.seconds * max(border[0] for border in borders)
        self.known = []
        for group in panel.groups:
            scaled = (group.known - self.known_mean) / self.known_scale
            times = calendar(group.times, panel.seconds, self.span).numpy() if with_calendar else scaled[:, :0]
            self.known.append(np.concatenate([scaled, times], 1).astype(np.float32))
        pairs = [_mean_and_scale(g.values[: b[0]]) for g, b in zip(panel.groups, borders)]
        self.mean, self.scale = (np.concatenate(parts) for parts in zip(*pairs))  # [series]
        self.names = [f"{group.name} {column}" for group in panel.groups for column in panel.columns]
        flat = [g.values[:, c] for g in panel.groups for c in range(len(panel.columns))]
        varies = np.concatenate([_varies(g.values[: b[0]]) for g, b in zip(panel.groups, borders)])
        self.constant = [name for name, changes in zip(self.names, varies) if not changes]
        self.rows = np.array([len(v) for v in flat])
        self.offset = np.cumsum(self.rows) - self.rows
        self.told = np.concatenate(flat)  # In the user's units, NaN where missing.
        self.absent = np.isnan(self.told).astype(np.float32)
        self.values = np.concatenate([_filled((v - m) / s) for v, m, s in zip(flat, self.mean, self.scale)])
        self.sums = np.concatenate([[0.0], np.cumsum(self.values, dtype=np.float64)])
        heights = np.array([len(known) for known in self.known])
        self.known_offset = (np.cumsum(heights) - heights)[self.group_of]
        self.all_known = np.concatenate(self.known)

    def expand(self, inputs: dict[str, np.ndarray], targets: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Cuts what `ForecastNetwork` reads after each row; targets are the scaled values of the rows ahead.

        Args:
            inputs: Numbers of the `row`, the `series`, and of the first row that may be read, `since`.
            targets: Of the new steps; what they hold is not looked at.
        """
        row, number, since = inputs["row"], inputs["series"], inputs["since"]
        offset, known_offset, rows = self.offset[number], self.known_offset[number], self.rows[number]
        before = np.maximum(row[..., None] + np.arange(1 - self.segment, 1), 0)  # [lanes, time, segment]
        ahead = row[..., None] + np.arange(1, self.horizon + 1)  # [lanes, time, horizon]
        inside = np.minimum(ahead, rows[..., None] - 1)
        at = offset[..., None] + before
        said = []
        for season in self.seasons:
            same = row[..., None] + season_back(self.horizon, season)
            said.append(self.values[offset[..., None] + np.where(same < since[..., None], row[..., None], same)])
        expanded = {
            "values": self.values[at],
            "absent": self.absent[at],
            "last": self.values[offset + row],
            "levels": self._levels(offset, row, since),
            "series": number,
            "row": row,
            "known": self.all_known[known_offset[..., None] + before],
            "future": self.all_known[known_offset[..., None] + inside],
            "naive": np.stack(said, -1) if said else np.zeros((*ahead.shape, 0), np.float32),
            "keep": inputs["keep"],
            "sequence": inputs["sequence"],
        }
        new = slice(row.shape[1] - targets.shape[1], None)
        at = offset[:, new, None] + inside[:, new]
        gone = (ahead != inside)[:, new] | (self.absent[at] > 0)
        return expanded, np.where(gone, np.nan, self.values[at]).astype(np.float32)

    def _levels(self, offset: np.ndarray, row: np.ndarray, since: np.ndarray) -> np.ndarray:
        """The means of the last rows, as many of them as may be read, `[lanes, time, levels]`."""
        rows = np.minimum((row - since)[..., None] + 1, np.array(self.levels, int))
        end = (offset + row)[..., None] + 1
        return ((self.sums[end] - self.sums[end - rows]) / rows).astype(np.float32)

    def ahead(self, series: np.ndarray, row: np.ndarray) -> np.ndarray:
        """The scaled values after rows that have a whole horizon after them, `[rows, horizon]`; NaN where missing."""
        at = (self.offset[series] + row)[:, None] + np.arange(1, self.horizon + 1)
        return np.where(self.absent[at] > 0, np.nan, self.values[at])


def _mean_and_scale(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each column, summed in float64; a scale of 1 where nothing varies."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # A column without any value has no mean.
        mean, scale = (of(values, 0, dtype=np.float64) for of in (np.nanmean, np.nanstd))
    return np.nan_to_num(mean).astype(np.float32), np.where(_varies(values), scale, 1.0).astype(np.float32)


def _varies(values: np.ndarray) -> np.ndarray:
    """Which columns hold two different values."""
    low, high = (extreme.reduce(values, 0, initial=np.nan) for extreme in (np.fmin, np.fmax))
    return low < high


def _filled(values: np.ndarray) -> np.ndarray:
    """Missing values become the last one before them, or 0."""
    at = np.maximum.accumulate(np.where(np.isnan(values), -1, np.arange(len(values))))
    return np.where(at < 0, 0.0, values[at]).astype(np.float32)


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


def season_back(horizon: int, season: int) -> np.ndarray:
    """The row of the last full season that each row ahead repeats, counted from the origin, `[horizon]`; 0 or less."""
    ahead = np.arange(1, horizon + 1)
    return ahead - season * -(-ahead // season)
