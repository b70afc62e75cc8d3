"""Series as arrays, with what was decided when they were read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from common.sources.series.spacing import SECOND, STEP, as_text, fine_text, spaced, spaced_finely


@dataclass(frozen=True, kw_only=True)
class Group:
    """Series that share their times.

    Attributes:
        name: The name in the series column, or in several, with a slash between; or the name of the file.
        names: The cells of the series columns.
        times: Seconds since 1970, int64 `[rows]`, evenly spaced. Days and months are those of the clock of the data; in
            monthly data every month has `MONTH` seconds. Shorter steps are counted in UTC.
        values: Values to forecast, float64 `[rows, columns]`; NaN where missing.
        known: Covariates whose future is known, float64 `[rows, covariates]`.
        shift: Seconds that the clock of the data is ahead of `times`.
        offset: The offset from UTC of that clock, as text; empty if none was given.
        begin: Nanoseconds since 1970 of the first row on that clock, where times have fractions of seconds.
    """

    name: str
    times: np.ndarray
    values: np.ndarray
    known: np.ndarray
    shift: int = 0
    names: tuple[str, ...] = ()
    offset: str = ""
    begin: int = 0


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Groups of series with the same columns and the same spacing.

    Attributes:
        groups: One or more.
        columns: Names of the values to forecast.
        covariates: Names of the covariates.
        seconds: Time between two rows.
        time: Name of the time column; empty if rows count as steps.
        source: The origin of the series, for people to read.
        series: The columns that name the series; none where the file is one group.
        day_first: Whether the day is before the month in its dates; None if no date needs it.
        untrained: Names of the series that were left out, as they have too few rows or training cannot know them.
        left_out: Unused columns, if the user named no column to forecast.
        notes: What was decided about the file, for people to read.
        nanoseconds: Time between two rows, where times have fractions of seconds: rows then count as steps.
        unit: The unit of the values, for people to read; empty where it is not known or columns have several.
    """

    groups: list[Group]
    columns: list[str]
    covariates: list[str]
    seconds: int
    time: str
    source: str
    series: tuple[str, ...] = ()
    day_first: bool | None = None
    untrained: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    nanoseconds: int | None = None
    unit: str = ""

    @property
    def names(self) -> list[str]:
        """The name of each series: every column of every group."""
        if not self.series:
            return [column for _ in self.groups for column in self.columns]
        several = len(self.columns) > 1
        return [f"{group.name} {name}" if several else group.name for group in self.groups for name in self.columns]

    @property
    def step(self) -> float:
        """The seconds between two rows."""
        return self.seconds if self.nanoseconds is None else self.nanoseconds / SECOND

    @property
    def spaced(self) -> str:
        """The time between two rows, for people to read."""
        return spaced(self.seconds) if self.nanoseconds is None else spaced_finely(self.nanoseconds)

    def as_text(self, group: Group, times: np.ndarray) -> list[str]:
        """Times of a group as text, on the clock of the data, see `spacing.as_text`."""
        if self.nanoseconds is not None:
            return fine_text(group.begin + times // STEP * self.nanoseconds, self.nanoseconds, group.offset)
        return as_text(times + group.shift, self.seconds, group.offset)

    def without(self, groups: Iterable[str] = (), *, columns: Iterable[str] = ()) -> Panel:
        """The panel without some groups and columns, by name; those that are there count as untrained."""
        groups, columns = set(groups), set(columns)
        kept = [n for n, name in enumerate(self.columns) if name not in columns]
        rest = [replace(g, values=g.values[:, kept]) for g in self.groups if g.name not in groups]
        lost = [g.name for g in self.groups if g.name in groups] + [name for name in self.columns if name in columns]
        untrained = (*self.untrained, *lost)
        return replace(self, groups=rest, columns=[self.columns[n] for n in kept], untrained=untrained)
