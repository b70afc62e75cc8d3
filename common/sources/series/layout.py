"""Which columns of a file hold its times, the names of its series, and the values to forecast."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from shlex import quote
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from common.errors import InputError
from common.sources.series.centuries import MONTHS
from common.sources.series.clocks import CLOCK, named_after_time, timely
from common.sources.series.numbers import numbers_of

if TYPE_CHECKING:
    import pandas as pd

SERIES = "unique_id"
TIME_NAMES = ("ds", "time", "date", "datetime", "timestamp")
PERIOD_NAMES = ("month", "period", "quarter", "year", "week", "day")
"""Names of the time column where its first value reads as a time."""
STEP_NAMES = ("t", "time", "step", "steps", "time_step", "timestep", "time step")
"""Names of columns that may count the rows in place of times."""
INDEX_NAMES = ("index", "id", "row", "rownames", "row_id", "n", "no", "nr", "obs", *STEP_NAMES)
"""Names of columns that may only count the rows."""
YEAR = r"[12]\d{3}(\.0+)?"
UNNAMED = re.compile(r"Unnamed: \d+|")
MOST_NAMES = 3
"""Columns that may name the series together without being named by the user."""
LEAST_ROWS = 3
"""Rows of a series."""


class Layout(NamedTuple):
    """The columns of a file by what they hold.

    Attributes:
        time: The times; None if rows count as steps.
        joined: Columns that the times need as well: those of months and days beside years, and of times of day.
        series: The columns that name the series together; none if the file is one group.
        targets: The values to forecast.
        left_out: All that is not read.
    """

    time: str | None
    joined: tuple[str, ...]
    series: tuple[str, ...]
    targets: list[str]
    left_out: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The columns that the user names, see `SeriesReader`; or those of a model that is trained."""

    targets: Sequence[str] = ()
    known: Sequence[str] = ()
    time: str | None = None
    series: Sequence[str] = ()
    trained: bool = False

    def check(self, present: Sequence[str], source: str) -> None:
        """Refuses names that are not there, or that mean two things.

        Raises:
            InputError: There is one.
        """
        given = {
            "--target": self.targets,
            "--known": self.known,
            "--time-column": [self.time] if self.time is not None else [],
            "--series-column": self.series,
        }
        used: dict[str, str] = {}
        for option, names in given.items():
            for name in names:
                if name not in present:
                    who = "this model reads" if self.trained else f"{option} names"
                    raise InputError(f"{source}: no column {name!r}, which {who}; it has {_listed(present)}")
                if name in used:
                    twice = "twice" if used[name] == option else f"as {used[name]} too"
                    raise InputError(f"{option} {name}: named {twice}; a column is one thing, named once")
                used[name] = option


def layout_of(frame: pd.DataFrame, chosen: Chosen, source: str) -> Layout:
    """Finds the columns that the user does not name.

    Raises:
        InputError: There are no times, or nothing to forecast; or several columns may name the series.
    """
    names = list(frame.columns)
    chosen.check(names, source)
    free = [name for name in names if name not in (*chosen.targets, *chosen.known)]
    indices = [name for name in free if _is_index(frame[name])]
    time = _time(frame, chosen, free, source=source, indices=indices)
    rest = [name for name in free if name not in (time, *indices)]
    joined = _joined(frame, time, rest)
    rest = [name for name in rest if name not in joined]
    series = tuple(chosen.series) or (
        (SERIES,) if SERIES in rest else _series(frame, [time, *joined], rest, source=source)
    )
    rest = [name for name in rest if name not in series]
    if not chosen.targets:
        _check_turned(rest, source)
        rest = [name for name in rest if not (named_after_time(name) and timely(frame[name].dropna()).all())]
    targets = list(chosen.targets) or (["y"] if series and "y" in rest else _numeric(frame, rest, source))
    read = {time, *joined, *series, *targets, *chosen.known}
    return Layout(time, joined, series, targets, tuple(name for name in names if name not in read))


def _listed(names: Sequence[str], between: str = ", ") -> str:
    shown = between.join(name[:40] for name in names[:20])
    return shown + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _is_index(values: pd.Series) -> bool:
    """Whether a column has no name and no times, or only counts the rows."""
    if UNNAMED.fullmatch(values.name):
        return not timely(values.dropna()[:1]).any()
    if values.name.lower() not in INDEX_NAMES:
        return False
    numbers = numbers_of(values)
    return numbers[0] in (0, 1) and bool((np.diff(numbers) == 1).all())


def _time(
    frame: pd.DataFrame, chosen: Chosen, free: Sequence[str], *, source: str, indices: Sequence[str]
) -> str | None:
    if chosen.time is not None:
        return chosen.time
    if {SERIES, "ds", "y"} <= set(frame.columns):
        return "ds"
    others = [name for name in free if name not in (SERIES, *chosen.series, *indices)]
    usual = [name for name in free if name.lower() in TIME_NAMES and not _is_clock(frame[name]) and name not in indices]
    first = [name for name in others if timely(frame[name].dropna()[:1]).all() and frame[name].notna().any()]
    named = [name for name in first if {*re.split(r"[\W_]+", name.lower())} & {*TIME_NAMES, *PERIOD_NAMES}]
    if found := [*usual, *named] or [name for name in first if timely(frame[name]).all()]:
        return found[0]
    values = [name for name in frame.columns if name not in indices]
    counted = any(name.lower() in STEP_NAMES for name in indices)
    if len(values) == 1 or (counted and not any(np.isnan(numbers_of(frame[name])).all() for name in values)):
        return None  # The values alone: their rows are steps.
    for option, given in (("--target", chosen.targets), ("--known", chosen.known)):
        for name in given:
            if timely(frame[name].dropna()).all():
                raise InputError(f"{option} {name}: its cells are times; name a column of numbers")
    _check_turned(list(frame.columns), source)
    raise InputError(
        f"{source}: no column named {', '.join(TIME_NAMES)}, and none of times alone, such as 2014-12-31 23:30; it "
        f"has {_listed(list(frame.columns))}; name one with --time-column, or give one column of numbers alone, whose "
        "rows count as steps"
    )


def _check_turned(columns: Sequence[str], source: str) -> None:
    """Refuses columns that are times: months beside years, or a time above each.

    Raises:
        InputError: It is one.
    """
    import pandas as pd

    names = pd.Series(list(columns), name="year", dtype=object)
    months = names[names.str[:3].str.lower().isin(MONTHS)]
    times = list(months) if months.str[:3].str.lower().nunique() == len(MONTHS) else list(names[timely(names)])
    if len(times) >= len(MONTHS):
        raise InputError(
            f"{source}: columns from {times[0]!r} to {times[-1]!r} are times; write a row for each time, with the "
            "name of its series in a column"
        )


def _is_clock(values: pd.Series) -> bool:
    cells = values.dropna().astype(str).str.strip()
    return len(cells) == len(values) and bool(cells.str.fullmatch(CLOCK).all())


def _joined(frame: pd.DataFrame, time: str | None, rest: Sequence[str]) -> tuple[str, ...]:
    """The columns of months, days and times of day, where the column of times has years or dates alone."""
    if time is None:
        return ()
    cells = frame[time].astype(str)
    if frame[time].dtype.kind == "M" or cells.str.contains(":", regex=False).any():
        return ()
    found, again = [], frame.duplicated([time]).any()
    if again and cells.str.fullmatch(YEAR).all():
        for part in ("month", "day"):
            column = next((name for name in rest if name.lower() == part), None)
            if column is None or (part == "day" and not found):
                break
            found.append(column)
    if len(found) != 1:  # A month has no time of day.
        found += [name for name in rest if _is_clock(frame[name]) or (again and _is_hour(frame[name]))][:1]
    return tuple(found)


def _is_hour(values: pd.Series) -> bool:
    numbers = numbers_of(values) if values.name.lower() in ("hour", "hr", "he", "hour_ending") else np.full(1, np.nan)
    return bool(np.isin(numbers, np.arange(25)).all())


def times_in(frame: pd.DataFrame, layout: Layout, source: str) -> pd.Series:
    """The cells of times, joined with those that they need as well.

    Raises:
        InputError: Hours count up to 24.
    """
    times, joined = frame[layout.time], list(layout.joined)
    parts = {name: frame[name].astype(str).str.strip().str.removesuffix(".0") for name in joined}
    if joined and joined[0].lower() == "month":
        month, years = parts[joined.pop(0)], times.astype(str).str[:4]
        numbered = month.str.fullmatch(r"\d{1,2}").all()
        day = parts[joined.pop(0)].str.zfill(2) if joined and joined[0].lower() == "day" else None
        if numbered:
            times = years + "-" + month.str.zfill(2) + ("" if day is None else "-" + day)
        else:
            times = ("" if day is None else day + " ") + month + " " + years
    for name in joined:
        if (parts[name] == "24").any():
            raise InputError(f"{source}: hours up to 24 in {name!r}, so the first of a day is not known; write 0 to 23")
        clock = parts[name].where(parts[name].str.contains(":", regex=False), parts[name].str.zfill(2) + ":00")
        times = times.astype(str) + " " + clock
    return times.rename(layout.time)


def _series(frame: pd.DataFrame, times: Sequence[str | None], rest: Sequence[str], *, source: str) -> tuple[str, ...]:
    """The columns of words that name the series of a file in which times come again; none if they do not.

    They are as few as can be.
    """
    when = [name for name in times if name is not None]
    if not when or not frame.duplicated(when).any():
        return ()
    able = [n for n in rest if frame[n].notna().all() and LEAST_ROWS * frame[n].nunique() <= len(frame)]
    worded = {name for name in able if np.isnan(numbers_of(frame[name])).all()}
    for many in range(1, MOST_NAMES + 1):
        found = [names for names in combinations(able, many) if _separates(frame, names, when)]
        words = [names for names in found if worded.issuperset(names)]
        if words and all(_same_groups(frame, words[0], other) for other in words[1:]):
            return words[0]
        if found:
            raise InputError(
                f"{source}: times in {when[0]!r} come again; name what says which series a row belongs to: "
                f"--series-column {' or '.join(_listed([*map(quote, names)], ' ') for names in words or found)}"
            )
    return ()


def _separates(frame: pd.DataFrame, names: Sequence[str], when: Sequence[str]) -> bool:
    """Whether every time comes once for each series that the columns name, and every series has some rows."""
    if frame.duplicated([*when, *names]).any():
        return False
    return bool(frame.groupby(list(names), observed=True, sort=False).size().min() >= LEAST_ROWS)


def _same_groups(frame: pd.DataFrame, some: Sequence[str], others: Sequence[str]) -> bool:
    """Whether columns name the same series as others do, as countries and their codes."""
    counts = {len(frame.drop_duplicates(list(names))) for names in (some, others, [*some, *others])}
    return len(counts) == 1


def _numeric(frame: pd.DataFrame, names: Sequence[str], source: str) -> list[str]:
    """The columns that hold at least one number; reading them refuses anything else in them."""
    separator = frame.attrs.get("separator", ",")
    found = [name for name in names if not np.isnan(numbers_of(frame[name], separator=separator)).all()]
    if not found:
        cells = {name: frame[name].dropna().astype(str) for name in names}
        example = next(
            (f"; {cell.iloc[0][:40]!r} in {name!r} is none" for name, cell in cells.items() if len(cell)), ""
        )
        raise InputError(
            f"{source}: no column of numbers, such as 1234.5, to forecast{example}; mend one, or see --target"
        )
    return found
