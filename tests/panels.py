"""Small panels of series, made on the spot."""

from __future__ import annotations

import numpy as np

from common.networks.forecast.tables import Tables
from common.scoring.forecasts import Forecasts, Origins
from common.sources.series import Group, Panel

LEVELS = (0.1, 0.5, 0.9)


def panel_of(*columns: np.ndarray, known: np.ndarray | None = None) -> Panel:
    """One group of hourly series."""
    values = np.stack(columns, 1).astype(float)
    known = np.zeros((len(values), 0)) if known is None else known.astype(float)
    times = 3_600 * np.arange(len(values))
    names = [f"c{n}" for n in range(len(columns))]
    covariates = [f"k{n}" for n in range(known.shape[1])]
    group = Group(name="g", times=times, values=values, known=known)
    return Panel(groups=[group], columns=names, covariates=covariates, seconds=3_600, time="time", source="made")


def tables_of(panel: Panel, train: int) -> Tables:
    """The tables of one group, whose rows after training are for validation."""
    rows = len(panel.groups[0].times)
    return Tables(panel, [(train, rows, rows)], with_calendar=False)


def forecast(tables: Tables, rows: list[int], mean: list, *, spread: float = 1.0, series: int = 0) -> Forecasts:
    """Forecasts of one series after some rows, with quantiles a spread below and above the mean."""
    mean = np.array(mean, float)
    origins = Origins.of(tables, np.full(len(rows), series), np.array(rows), horizon=mean.shape[1])
    return Forecasts(origins, mean, mean[..., None] + np.array([-spread, 0, spread]))
