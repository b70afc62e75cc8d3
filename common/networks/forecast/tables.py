"""Time series as arrays: scaled, cut into windows, and the scores of forecasts from every origin."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from common.sources.series import Panel


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
        from common.networks.forecast.calendar import calendar  # Imports TensorFlow.

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


def season_back(horizon: int, season: int) -> np.ndarray:
    """The row of the last full season that each row ahead repeats, counted from the origin, `[horizon]`; 0 or less."""
    ahead = np.arange(1, horizon + 1)
    return ahead - season * -(-ahead // season)
