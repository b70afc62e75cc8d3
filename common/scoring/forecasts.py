"""Forecasts from several origins, and their scores."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from common.errors import counted
from common.networks.forecast.tables import Tables
from common.scoring import Scores
from common.scoring.items import Items


class Origins(NamedTuple):
    """Rows after which forecasts are made, with the values that followed.

    Attributes:
        series: The number of each origin's series, `[origins]`.
        row: The row of each origin, `[origins]`.
        actual: The values after each origin, in the user's units, `[origins, horizon]`; NaN where missing.
    """

    series: np.ndarray
    row: np.ndarray
    actual: np.ndarray

    @classmethod
    def of(cls, tables: Tables, series: np.ndarray, row: np.ndarray, *, horizon: int) -> Origins:
        """The origins of these series and rows, in their order."""
        return cls(series, row, tables.ahead(series, row, horizon=horizon, scaled=False))

    def take(self, which: np.ndarray) -> Origins:
        return Origins(*(values[which] for values in self))

    @property
    def order(self) -> np.ndarray:
        """Numbers of the origins by series, then by row."""
        return np.lexsort((self.row, self.series))


class Forecasts(NamedTuple):
    """Forecasts from several origins, in the user's units.

    Attributes:
        origins: The origins of the forecasts.
        mean: The forecast means, `[origins, horizon]`.
        quantiles: The forecast quantiles, `[origins, horizon, levels]`.
        parts: What each part forecasts alone for all these origins, by name, where the forecasts are mixed.
    """

    origins: Origins
    mean: np.ndarray
    quantiles: np.ndarray
    parts: Mapping[str, Forecasts] = MappingProxyType({})

    def take(self, which: np.ndarray) -> Forecasts:
        parts = {name: part.take(which) for name, part in self.parts.items()}
        return Forecasts(self.origins.take(which), self.mean[which], self.quantiles[which], parts)

    def in_order(self) -> Forecasts:
        """The forecasts, ordered by series, then by row."""
        return self.take(self.origins.order)

    def some(self, number: int) -> Forecasts:
        """At most `number` of the forecasts, evenly spread."""
        return self.take(np.unique(np.linspace(0, len(self.mean) - 1, number).round().astype(int)))


class Judge:
    """Scores forecasts against the actual values.

    Args:
        tables: The series.
        levels: Levels of the quantiles.
        season: Rows of the season that MASE compares with.
    """

    def __init__(self, tables: Tables, *, levels: Sequence[float], season: int) -> None:
        self.tables = tables
        self.levels = np.array(levels)
        self.season = season

    @cached_property
    def _naive_error(self) -> np.ndarray:
        """Mean absolute error of repeating the last season in the training rows of each series; NaN if it has none."""
        tables, errors = self.tables, []
        for number, group in enumerate(tables.group_of):
            train = tables.raw[tables.offset[number] :][: tables.borders[group][0]]
            gaps = np.abs(train[self.season :] - train[: -self.season])
            errors.append(np.nanmean(gaps) if (gaps > 0).any() else np.nan)
        return np.array(errors)

    @property
    def without_mase(self) -> list[str]:
        """Names of the series that MASE leaves out: repeating the last season has no error in their training rows."""
        return [name for name, error in zip(self.tables.names, self._naive_error) if np.isnan(error)]

    @property
    def units(self) -> dict[str, str]:
        """The unit of each score that has that of the values, where it is known."""
        width = round(100 * (self.levels[-1] - self.levels[0]))
        unit = self.tables.panel.unit
        return dict.fromkeys(("mae", "rmse", "pinball", f"winkler_{width}"), unit) if unit else {}

    def by_step(self, forecasts: Forecasts) -> dict[str, np.ndarray]:
        """Every score by steps ahead, each `[horizon]`; NaN where nothing counts."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # A step ahead whose actual values are all missing has no mean.
            found = {name: np.nanmean(values, 0) for name, values in self._each(forecasts).items()}
        return found | {"rmse": np.sqrt(found["rmse"])}

    def rows(self, forecasts: Forecasts) -> Iterator[dict[str, Any]]:
        """Each step of each forecast with the value that followed, None where missing, by the columns of a table."""
        panel, origins = self.tables.panel, forecasts.origins
        names = ["mean", *(f"q{level:g}" for level in self.levels)]
        numbers = np.concatenate([forecasts.mean[..., None], forecasts.quantiles], 2)
        for series, row, actual, found in zip(*origins, numbers):
            group = panel.groups[self.tables.group_of[series]]
            times = panel.as_text(group, group.times[row] + panel.seconds * np.arange(len(actual) + 1))
            for step, (value, forecast) in enumerate(zip(actual.tolist(), found.tolist()), 1):
                place = {"unique_id": self.tables.names[series], "origin": times[0], "ds": times[step]}
                yield place | {"y": None if np.isnan(value) else value} | dict(zip(names, forecast))

    def write_by_step(self, forecasts: Mapping[str, Forecasts], path: Path) -> None:
        """Writes the scores by steps ahead as CSV, one row per method and step."""
        by_step = {method: self.by_step(found) for method, found in forecasts.items()}
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["method", "steps_ahead", *next(iter(by_step.values()))])
            for method, scores in by_step.items():
                writer.writerows([method, n, *row] for n, row in enumerate(zip(*scores.values()), 1))

    def scores(self, forecasts: Forecasts) -> Scores:
        """Each score over all origins and steps ahead; scores for which nothing counts are left out."""
        each = self._each(forecasts).items()
        found = {name: float(np.nanmean(values)) for name, values in each if not np.isnan(values).all()}
        return found | {"rmse": found["rmse"] ** 0.5} if "rmse" in found else found

    def items(self, forecasts: Forecasts) -> Items:
        """The absolute errors of blocks of origins of a series, as many in a row as there are steps ahead.

        Forecasts of one block have values in common, so single ones are no items of their own.
        """
        found = forecasts.in_order()
        errors = self._each(found)["mae"]
        blocks = found.origins.series.astype(np.int64) * 2**32 + found.origins.row // errors.shape[1]
        _, of_block = np.unique(blocks, return_inverse=True)
        sums = (np.nansum(errors, 1), (~np.isnan(errors)).sum(1))
        kept = np.stack([np.bincount(of_block, values) for values in sums], 1)
        return Items(kept[kept[:, 1] > 0])

    def report(self, forecasts: Forecasts) -> str:
        """The scores at some steps ahead, as text."""
        by_step = {n: v for n, v in self.by_step(forecasts).items() if not n.endswith("_standardised")}
        many, horizon = forecasts.mean.shape
        steps = np.unique(np.geomspace(1, horizon, 8).round().astype(int))
        lines = [f"{counted(many, 'forecast')} of {counted(horizon, 'step')}"]
        lines.append(f"{'steps ahead':>12}" + "".join(f"{name:>14}" for name in by_step))
        lines += [f"{k:>12}" + "".join(f"{values[k - 1]:>14.4f}" for values in by_step.values()) for k in steps]
        if left_out := self.without_mase:
            lines.append(f"not in MASE, with no seasonal error in training: {', '.join(left_out)}")
        return "\n".join(lines)

    def _each(self, forecasts: Forecasts) -> dict[str, np.ndarray]:
        """The values that each score averages, `[origins, horizon]`, NaN where they do not count; squares for RMSE.

        MAPE and sMAPE are in percent, MAPE over values that are not 0. MASE is that of Hyndman & Koehler 2006, "Another
        look at measures of forecast accuracy". Pinball is the mean over the levels. Where there are two levels or more,
        coverage is the share inside the interval between the outermost, and the Winkler score is the width of that
        interval plus how far a value lies outside it, divided by the probability of that side (Winkler 1972, "A
        Decision-Theoretic Approach to Interval Estimation").
        """
        (series, _, actual), mean, quantiles, _ = forecasts
        error = mean - actual
        each = actual[..., None] - quantiles
        pinball = np.maximum(self.levels * each, (self.levels - 1) * each).mean(-1)
        low, high = quantiles[..., 0], quantiles[..., -1]
        inside = np.where(np.isnan(each).any(-1), np.nan, (low <= actual) & (actual <= high))
        below, above = np.maximum(low - actual, 0), np.maximum(actual - high, 0)
        winkler = high - low + below / self.levels[0] + above / (1 - self.levels[-1])
        width = round(100 * (self.levels[-1] - self.levels[0]))
        interval = {f"coverage_{width}": inside, f"winkler_{width}": winkler}
        scale = self.tables.scale[series][:, None]
        with np.errstate(all="ignore"):
            share = np.where(actual == 0, np.nan, np.abs(error / actual))
            both = np.abs(actual) + np.abs(mean)
            return {
                "mae": np.abs(error),
                "rmse": error**2,
                "mape": 100 * share,
                "smape": np.where(both == 0, 0.0, 200 * np.abs(error) / both),
                "mase": np.abs(error) / self._naive_error[series][:, None],
                "pinball": pinball,
                **(interval if len(self.levels) > 1 else {}),
                "mse_standardised": (error / scale) ** 2,
                "mae_standardised": np.abs(error / scale),
            }
