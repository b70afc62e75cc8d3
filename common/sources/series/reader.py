"""Time series from a user's CSV or Parquet files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from common.errors import InputError, counted
from common.options.kinds import check_encoding
from common.sources.files import existing
from common.sources.series.clocks import Times, times_of
from common.sources.series.frames import frame_of
from common.sources.series.layout import LEAST_ROWS, Chosen, Layout, layout_of, times_in
from common.sources.series.numbers import has_comma_groups, is_missing, merged, numbers_of
from common.sources.series.panels import Group, Panel
from common.sources.series.spacing import STEP, spaced, spaced_finely, usual_step

if TYPE_CHECKING:
    import pandas as pd

BETWEEN = "/"
"""What is between the cells that name a series together."""
Missing = Literal["refuse", "allow"]
LARGEST = float(np.finfo(np.float32).max)
"""The largest value that a network can be given, scaled or not."""

_IN_BRACKETS = re.compile(r"[(\[]([^()\[\]\d][^()\[\]]{0,19})[)\]]\s*$")
MOST_LEFT_OUT = 100
"""Rows that may be left out for each that is there; more are a wrong time."""


@dataclass(frozen=True, kw_only=True)
class SeriesReader:
    """Reads time series from one file.

    The file is wide (a time column and numeric columns) or long (a column that names the series, a time column, the
    values and covariates). A file that holds a column of numbers alone is a series whose rows count as steps.

    Attributes:
        targets: Columns to forecast; if empty, `y` of a long file that has it, or all numeric columns that are not in
            `known`.
        known: Columns whose future is known; None means none, or those of the embedded data set.
        time_column: Name of the time column. None: one of a usual name, or else the first whose every value reads as a
            time.
        series_columns: Columns that name the series, together if they are several. If empty, `unique_id`, or else the
            columns of words for which times come again.
        day_first: Whether the day is before the month in dates such as 01/02/2000. None: as the dates suggest.
        encoding: Text encoding of the file, if it has no byte-order mark.
        missing: Whether values may be missing and rows left out; missing values become NaN.
        ahead: Whether a series may end in rows without values, which give the future of its covariates.
        unit: The unit of the values. None: what stands in brackets at the ends of the names of all columns.
    """

    targets: Sequence[str] = ()
    known: Sequence[str] | None = None
    time_column: str | None = None
    series_columns: Sequence[str] = ()
    day_first: bool | None = None
    encoding: str = "utf-8"
    missing: Missing = "refuse"
    ahead: bool = False
    unit: str | None = None

    def read(self, data: str) -> Panel:
        """Reads the series of a CSV or Parquet file.

        Raises:
            InputError: Something in the data is wrong; the message gives column and line.
        """
        check_encoding(self.encoding)
        path = existing(data)
        if path.is_dir():
            raise InputError(f"--data {data}: a folder; give one CSV or Parquet file")
        return self.panel(path, data)

    def panel(self, path: Path, source: str) -> Panel:
        """The series of a file.

        Args:
            path: A CSV or Parquet file.
            source: The name of the data in messages and in the panel.

        Raises:
            InputError: Something in the data is wrong; the message gives column and line.
        """
        frame = frame_of(path, encoding=self.encoding)
        filled = frame.dropna(how="all")
        if filled.empty:
            raise InputError(f"{source}: no rows; fill the file")
        known = list(self.known or ())
        chosen = Chosen(
            targets=self.targets, known=known, time=self.time_column, series=self.series_columns, trained=self.ahead
        )
        layout = layout_of(filled, chosen, source)
        frame = _rows_of(frame, layout)
        whole = _Rows(frame, source, Path(source).name)
        times = whole.times(layout, day_first=self.day_first)
        parts = _by_series(whole, layout.series) if layout.series else [(whole, np.arange(len(frame)))]
        if turned := times is not None and all(times.take(at).newest_first for _, at in parts):
            parts = [(rows._replace(frame=rows.frame[::-1]), at[::-1]) for rows, at in parts]
        short = [rows.name for rows, _ in parts if len(rows.frame) < LEAST_ROWS] if len(parts) > 1 else []
        if len(short) < len(parts):
            parts = [(rows, at) for rows, at in parts if rows.name not in short]
        found = [self._group(rows, times and times.take(at), layout) for rows, at in parts]
        spacings = sorted({spacing for _, spacing in found})
        fine = times is not None and times.fraction is not None
        if len(spacings) > 1:
            said = " and ".join(map(spaced_finely if fine else spaced, spacings))
            raise InputError(f"{source}: series of different spacing, {said}")
        return Panel(
            groups=[group for group, _ in found],
            columns=layout.targets,
            covariates=known,
            seconds=STEP if fine else spacings[0],
            nanoseconds=spacings[0] if fine else None,
            time=layout.time or "",
            source=source,
            series=layout.series,
            day_first=times and times.day_first,
            untrained=tuple(short),
            left_out=() if self.targets else layout.left_out,
            unit=_unit_of(layout.targets) if self.unit is None else self.unit,
            notes=(*_notes(frame, layout, times, known=known), *_notes_of_parts(times, parts, turned=turned)),
        )

    def _group(self, rows: _Rows, times: Times | None, layout: Layout) -> tuple[Group, int]:
        """The series of some rows, and the time between two of them: seconds, or nanoseconds if times are as fine."""
        if len(rows.frame) < LEAST_ROWS:
            raise InputError(
                f"{rows.source}: series {rows.name!r} has {counted(len(rows.frame), 'row')}; give three or more"
            )
        known, columns = self.known or (), layout.targets
        values, covariates = rows.numbers(columns), rows.numbers(known)
        fine = times is not None and times.fraction is not None
        if fine:
            at, shift = times.nanoseconds(), 0
        else:
            at, shift = (STEP * np.arange(len(values)), 0) if times is None else times.evenly()
        spacing = self._spacing(rows, at, layout.time or "", said=spaced_finely if fine else spaced)
        self._check_present(rows, values, columns)
        for row, column in np.argwhere(np.isnan(covariates))[:1]:
            raise InputError(f"{rows.place(row)}: no value in {known[column]!r}, which is to be known; give one")
        places = (at - at[0]) // spacing
        evenly = np.full((int(places[-1]) + 1, len(columns)), np.nan)
        evenly[places] = values
        if not known:
            covariates = np.zeros((len(evenly), 0))
        steps = np.arange(len(evenly))
        group = Group(
            name=rows.name,
            names=rows.names,
            times=STEP * steps if fine else at[0] + spacing * steps,
            values=evenly,
            known=covariates,
            shift=shift,
            offset=times.offset if times else "",
            begin=int(at[0]) if fine else 0,
        )
        return group, spacing

    @property
    def _or_allow(self) -> str:
        """What may be done about what is missing; a model that forecasts was trained one way or the other."""
        return "" if self.ahead else ", or --missing allow"

    def _spacing(self, rows: _Rows, times: np.ndarray, time: str, *, said: Callable[[int], str]) -> int:
        """The usual time between two rows; refuses times with another spacing."""
        steps = np.diff(times)
        for at in np.flatnonzero(steps <= 0)[:1] + 1:
            wrong = "repeats the time of the row before; give one row for each time, and an offset where clocks go back"
            if steps[at - 1] < 0:
                wrong = "is earlier than that of the row before; sort the rows"
            raise InputError(f"{rows.place(at)}: {time} of series {rows.name!r} {wrong}")
        spacing = usual_step(times)
        for at in np.flatnonzero(steps % spacing)[:1] + 1:
            step = said(int(steps[at - 1]))
            raise InputError(f"{rows.place(at)}: {step} after the row before, where {said(spacing)} is usual")
        for at in np.flatnonzero(steps != spacing)[:1] + 1:
            if self.missing == "refuse":
                raise InputError(
                    f"{rows.place(at)}: {_left_out(steps[at - 1], spacing)} of series "
                    f"{rows.name!r}; add them{self._or_allow}"
                )
            if self.known:
                raise InputError(
                    f"{rows.place(at)}: rows are left out, so {self.known[0]!r} is not known there; add them"
                )
        if steps.sum() // spacing > MOST_LEFT_OUT * len(times):
            at = int(steps.argmax()) + 1
            raise InputError(f"{rows.place(at)}: {_left_out(steps[at - 1], spacing)}")
        return spacing

    def _check_present(self, rows: _Rows, values: np.ndarray, columns: Sequence[str]) -> None:
        """Refuses missing values where they are not allowed."""
        filled = np.flatnonzero(~np.isnan(values).all(1))
        if not len(filled):
            raise InputError(f"{rows.source}: series {rows.name!r} has no value in {', '.join(columns)}; give some")
        given = values[: filled[-1] + 1] if self.ahead else values
        for row, column in np.argwhere(np.isnan(given))[:1]:
            if self.missing == "refuse":
                raise InputError(f"{rows.place(row)}: no value in {columns[column]!r}; give one{self._or_allow}")


class _Rows(NamedTuple):
    """Rows of a file that belong to one group of series."""

    frame: pd.DataFrame
    source: str
    name: str
    names: tuple[str, ...] = ()

    def place(self, at: int) -> str:
        """The line of a row: the first line holds names, and lines count from 1."""
        return f"{self.source}:{int(self.frame.index[at]) + 2}"

    def times(self, layout: Layout, *, day_first: bool | None) -> Times | None:
        """The times of the rows; None if rows count as steps."""
        if layout.time is None:
            return None
        cells = times_in(self.frame, layout, self.source)
        series = _names(self, layout.series) if layout.series else None
        return times_of(cells, day_first=day_first, series=series, place=self.place)

    def numbers(self, names: Sequence[str]) -> np.ndarray:
        """The values of columns, float64 `[rows, columns]`; NaN where there is none."""
        columns = []
        for name in names:
            values = self.frame[name]
            numbers = numbers_of(values, separator=self.frame.attrs.get("separator", ","))
            for at in np.flatnonzero(np.isnan(numbers) & ~is_missing(values))[:1]:
                shown = str(values.iloc[at])[:40]
                raise InputError(f"{self.place(at)}: {shown!r} in {name!r} is no number; give one, or other columns")
            for at in np.flatnonzero(np.isinf(numbers))[:1]:
                raise InputError(f"{self.place(at)}: {name!r} is infinite; give a number")
            for at in np.flatnonzero(np.abs(numbers) > LARGEST)[:1]:
                shown = str(values.iloc[at])[:40]
                raise InputError(
                    f"{self.place(at)}: {shown} in {name!r} is more than {LARGEST:.1e}, the most that can be held; "
                    "give values in a larger unit"
                )
            for at in merged(values, numbers)[:1]:
                raise InputError(
                    f"{self.place(at)}: {str(values.iloc[at])[:40]} in {name!r} has more digits than can be held; "
                    "take a constant off the values"
                )
            columns.append(numbers)
        return np.stack(columns, 1) if columns else np.zeros((len(self.frame), 0))


def _left_out(step: int, spacing: int) -> str:
    left_out = int(step // spacing) - 1
    return f"{counted(left_out, 'row')} {'is' if left_out == 1 else 'are'} left out before this one"


def _rows_of(frame: pd.DataFrame, layout: Layout) -> pd.DataFrame:
    """The rows that are not blank; without times a blank row is a step without value, but for those at the end."""
    if layout.time is not None:
        return frame.dropna(how="all")  # The remaining rows keep their line numbers.
    filled = np.flatnonzero(frame[layout.targets].notna().any(axis=1))
    return frame[: int(filled[-1]) + 1] if len(filled) else frame


def _names(rows: _Rows, columns: Sequence[str]) -> pd.Series:
    """The name of the series of each row: the cells of the columns, with a slash between."""
    for column in columns:
        for at in np.flatnonzero(rows.frame[column].isna())[:1]:
            raise InputError(f"{rows.place(at)}: no value in {column!r}; name the series of this row")
    first, *others = (rows.frame[column].astype(str) for column in columns)
    return first.str.cat(others, sep=BETWEEN) if others else first


def _by_series(rows: _Rows, columns: Sequence[str]) -> list[tuple[_Rows, np.ndarray]]:
    """The rows of each series of a long file, with their numbers."""
    names, parts = _names(rows, columns), []
    for name, at in names.groupby(names, sort=False).indices.items():
        cells = rows.frame.iloc[at][list(columns)].astype(str)
        for other in np.flatnonzero((cells != cells.iloc[0]).any(axis=1))[:1]:
            raise InputError(
                f"{rows.place(at[other])}: {name!r} names two series, as {BETWEEN!r} is in names; write another"
            )
        parts.append((_Rows(rows.frame.iloc[at], rows.source, name, tuple(cells.iloc[0])), at))
    return parts


def _year(times: Times | None) -> int:
    return (
        0
        if times is None
        else int(times.clock.min().astype("datetime64[s]").astype("datetime64[Y]").astype(int)) + 1970
    )


def _notes_of_parts(times: Times | None, parts: Sequence[tuple[_Rows, np.ndarray]], *, turned: bool) -> Iterator[str]:
    """What was decided about the rows of series, for people to read."""
    if turned:
        yield "newest rows first, read backwards"
    if times is not None and any(times.take(at).months_of_any_day for _, at in parts):
        yield "rows on different days of each month are read as months"


def _notes(frame: pd.DataFrame, layout: Layout, times: Times | None, *, known: Sequence[str]) -> tuple[str, ...]:
    """What was decided about a file, for people to read."""
    separator = frame.attrs.get("separator", ",")
    found = {
        "rows count as steps": times is None,
        f"fields between {separator!r}": separator not in (",", "\t"),
        f"series in {', '.join(map(repr, layout.series))}": bool(layout.series),
        f"{', '.join(map(repr, layout.joined))} joined to {layout.time!r}": bool(layout.joined),
        "commas are between groups of digits": any(
            has_comma_groups(frame[name], separator) for name in (*layout.targets, *known)
        ),
        "dates read with the day first": bool(times and times.day_first),
        f"years of two digits read as from {_year(times)}": times is not None and times.short,
        f"times in UTC{times.offset}" if times else "": bool(times and times.with_offset),
    }
    return tuple(text for text, said in found.items() if said)


def _unit_of(columns: Sequence[str]) -> str:
    """What stands in brackets at the ends of the names of all columns, as in `load (MW)`; "" if they differ."""
    found = {match[1].strip() if (match := _IN_BRACKETS.search(name)) else "" for name in columns}
    return found.pop() if len(found) == 1 else ""
