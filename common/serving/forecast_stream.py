"""Forecasts of rows as they come, for the terminal."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import numpy as np

from common.errors import InputError
from common.serving.forecasts import check_matches, digits_of, known_to
from common.serving.saved_model import STREAM, SavedModel
from common.sources.asked import lines_of
from common.sources.series import Panel
from common.sources.series.layout import LEAST_ROWS
from common.sources.tables import separator_of

HERE = "standard input"


@dataclass
class _Series:
    """Series that come row by row.

    Attributes:
        lines: The latest rows, each with the number of its line.
        state: The state of the model after those that were read.
        came: The number of rows that came.
        read: The number of rows that were read.
        time: The time of the last row that was read.
    """

    lines: list[tuple[int, str]] = field(default_factory=list)
    state: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    came: int = 0
    read: int = 0
    time: int | None = None

    def unread(self, panel: Panel) -> int:
        """The first of the latest rows that was not read."""
        if not panel.time:
            return self.read - (self.came - len(self.lines))
        return 0 if self.time is None else int(np.searchsorted(panel.groups[0].times, self.time, "right"))


@dataclass(frozen=True, kw_only=True)
class RowForecaster:
    """Forecasts after each row of standard input.

    The rows are those of a CSV file, names first, as `predict` reads them. Forecasts begin when a segment of the model
    is there, and not before the third row, which tells the time between rows. A model that reads columns known ahead
    forecasts after a row when the rows of its horizon have come.

    Attributes:
        model: The forecaster.
        load: Reads the rows of a file.
        horizon: Steps of each forecast, at most those of the model.
    """

    model: SavedModel
    load: Callable[[Path], Panel]
    horizon: int

    def answers(self, source: BinaryIO) -> Iterator[list[str]]:
        """For each row and each of its columns the time, the name, and mean and interval of each step ahead.

        Args:
            source: A stream of UTF-8.

        Raises:
            InputError: A row cannot be read, or is not of the series that the model learned from.
        """
        lines = lines_of(source)
        names = next(lines, "")
        place = self._place_of_series(names)
        later = self.model.config["horizon"] if self.model.config["known"] else 0
        every: dict[tuple[str, ...], _Series] = {}
        with TemporaryDirectory() as folder:
            path = Path(folder) / "rows.csv"
            for number, line in enumerate(lines, 2):
                if not line.strip():
                    continue
                series = every.setdefault(place(line), _Series())
                series.lines.append((number, line))
                series.came += 1
                if len(series.lines) >= LEAST_ROWS:
                    yield from self._after(series, self._read(names, series.lines, path), later)
                    del series.lines[: -max(LEAST_ROWS - 1, later + 1)]

    def _place_of_series(self, names: str) -> Callable[[str], tuple[str, ...]]:
        """From a line to the cells that name its series."""
        separator = separator_of(names, ",")
        cells, columns = _cells(names, separator), self.model.config.get("series_column") or ()
        if missing := [name for name in columns if name not in cells]:
            raise InputError(f"{HERE}:1: no column {missing[0]!r}, which names the series; write the names first")
        at = [cells.index(name) for name in columns]

        def place(line: str) -> tuple[str, ...]:
            found = _cells(line, separator)
            return tuple(found[n] if n < len(found) else "" for n in at)

        return place

    def _read(self, names: str, lines: list[tuple[int, str]], path: Path) -> Panel:
        """The latest rows of series; messages name the lines of standard input."""
        path.write_text("\n".join([names, *(line for _, line in lines)]) + "\n", encoding="utf-8")
        try:
            panel = known_to(self.model.config, self.load(path))
            check_matches(self.model, panel)
            if len(panel.groups) > 1:
                raise InputError(f"{path}: several series; this model learned from one")
        except InputError as error:

            def number(found: re.Match) -> str:
                row = int(found[2]) - 2
                return f"{found[1]}{lines[row][0] if 0 <= row < len(lines) else 1}"

            message = re.sub(rf"({re.escape(str(path))}:|\bline )(\d+)", number, str(error))
            raise InputError(message.replace(str(path), HERE).replace(path.name, HERE)) from error
        return panel

    def _after(self, series: _Series, panel: Panel, later: int) -> Iterator[list[str]]:
        """Reads the rows whose horizon is there, if they need one, and forecasts after each."""
        group = panel.groups[0]
        first, end = series.unread(panel), len(group.times) - later
        if self.model.config["missing"] == "refuse":  # Rows without values give the future of what is known.
            end = min(end, int(np.flatnonzero(~np.isnan(group.values).any(1))[-1]) + 1)
        if first >= end:
            return
        record = {
            "history": group.values[first:end],
            "known": group.known[first : end + self.model.config["horizon"]],
            "start": group.times[first],
            "unique_id": group.name,
            "state": series.state,
        }
        (answer,) = self.model.ask([record], STREAM, what="forecasting")
        series.state, series.read, series.time = answer["state"], series.read + end - first, int(group.times[end - 1])
        times = panel.as_text(group, group.times[first:end])
        for time, mean, quantiles in zip(times, answer["mean"], answer["quantiles"]):
            if np.isfinite(mean).all():
                for number, name in enumerate(self._names(panel)):
                    yield [time, name, *_steps(mean[: self.horizon, number], quantiles[: self.horizon, number])]

    def _names(self, panel: Panel) -> list[str]:
        name = panel.groups[0].name
        if not panel.series:
            return panel.columns
        return [f"{name} {column}" for column in panel.columns] if len(panel.columns) > 1 else [name]


def _cells(line: str, separator: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader([line], delimiter=separator), [])]


def _steps(mean: np.ndarray, quantiles: np.ndarray) -> list[str]:
    """Each step ahead: the mean, and between brackets the lowest and the highest quantile, where there are two."""
    places = digits_of(np.concatenate([mean, quantiles.ravel()]))
    ends = (
        [f" ({low:.{places}g} to {high:.{places}g})" for low, *_, high in quantiles] if quantiles.shape[1] > 1 else ()
    )
    return [f"{value:.{places}g}{end}" for value, end in zip(mean, ends or [""] * len(mean))]
