"""Figures of forecasts: one of a training, one of forecasts from a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from common.errors import readable
from common.figures.legends import legend_beside
from common.figures.plain import plain
from common.figures.training import learning_curves
from common.scoring.forecasts import Forecasts, Judge
from common.sources import series

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEST_STEPS = 1344
"""Number of steps of the test series that are drawn."""
MOST_SERIES = 12
"""Maximum number of series that are drawn."""


def training_figure(
    history: list[dict[str, float]], forecasts: Mapping[str, Forecasts], *, judge: Judge, title: str
) -> Figure:
    """The loss over the epochs, the test error by steps ahead, and forecasts of one test series.

    Args:
        history: The logs of training, one dictionary per epoch.
        forecasts: The forecasts of the test split by the names of the methods; the first is the model.
        judge: Scores the forecasts.
        title: The title of the figure.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 8), layout="constrained", dpi=110)
    grid = figure.add_gridspec(2, 2)
    learning_curves([figure.add_subplot(grid[0, 0])], history, ["loss"])
    error = figure.add_subplot(grid[0, 1])
    for name, found in forecasts.items():
        by_step = judge.by_step(found)["mae"]
        error.plot(np.arange(1, len(by_step) + 1), by_step, label=plain(readable(name)))
    columns = judge.tables.panel.columns
    unit = plain(judge.tables.panel.unit) or f"the unit of {plain(columns[0]) if len(columns) == 1 else 'each column'}"
    error.set(title="test: mean absolute error by steps ahead", xlabel="steps ahead", ylabel=f"in {unit}")
    legend_beside(error)
    _test_series(figure.add_subplot(grid[1, :]), next(iter(forecasts.values())), judge=judge)
    figure.suptitle(plain(title))
    return figure


def _test_series(ax: Any, forecasts: Forecasts, *, judge: Judge) -> None:
    """Draws forecasts of the last test series, one after the other, under the actual values."""
    panel, horizon = judge.tables.panel, forecasts.mean.shape[1]
    one = forecasts.take(forecasts.origins.series == forecasts.origins.series[-1])
    chosen = one.take(np.arange(0, len(one.mean), horizon)[: max(1, TEST_STEPS // horizon)])
    number = int(chosen.origins.series[0])
    times = series.as_times(panel.groups[judge.tables.group_of[number]].times, panel.seconds)
    for n, (row, actual) in enumerate(zip(chosen.origins.row, chosen.origins.actual)):
        ahead = times[row + 1 : row + 1 + horizon]
        ax.plot(ahead, actual, color="black", linewidth=1, label="" if n else "actual")
        _forecast(ax, ahead, chosen.mean[n], quantiles=chosen.quantiles[n], levels=judge.levels, named=not n)
    column = plain(panel.columns[number % len(panel.columns)])
    ax.set(title=f"test: {column}, a forecast every {horizon} steps", xlabel="time", ylabel=column)
    legend_beside(ax)


def forecast_figure(records: Sequence[Mapping[str, Any]]) -> Figure:
    """The last values and the forecast of each series.

    Args:
        records: One record per series: `unique_id`, the times `ds`, `mean`, `quantiles` by level, and `past`, with
            `ds` and `y`, None where missing.
    """
    from matplotlib.figure import Figure

    shown = records[:MOST_SERIES]
    figure = Figure(figsize=(11, 2.8 * len(shown) + 0.6), layout="constrained", dpi=110)
    for ax, record in zip(figure.subplots(len(shown), 1, squeeze=False)[:, 0], shown):
        past, ahead = (series.from_text(times) for times in (record["past"]["ds"], record["ds"]))
        ax.plot(past, np.array(record["past"]["y"], float), color="black", linewidth=1)
        quantiles = np.stack(list(record["quantiles"].values()), 1)
        levels = list(map(float, record["quantiles"]))
        _forecast(ax, ahead, np.array(record["mean"]), quantiles=quantiles, levels=levels)
        ax.set(title=plain(record["unique_id"]), xlabel="time", ylabel="value")
        legend_beside(ax)
    if len(records) > len(shown):
        figure.suptitle(f"the first {len(shown)} of {len(records)} series")
    return figure


def _forecast(
    ax: Any, times: np.ndarray, mean: np.ndarray, *, quantiles: np.ndarray, levels: Sequence[float], named: bool = True
) -> None:
    """Draws a mean, `[horizon]`, and the band between the outermost of the quantiles, `[horizon, levels]`."""
    ax.plot(times, mean, color="tab:blue", linewidth=1, label="mean" if named else "")
    label = f"{levels[0]:g} to {levels[-1]:g}" if named else ""
    ax.fill_between(times, quantiles[:, 0], quantiles[:, -1], color="tab:blue", alpha=0.25, linewidth=0, label=label)
