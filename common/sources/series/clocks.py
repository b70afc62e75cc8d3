"""Texts as times: on the clock of the data, and in UTC."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from common.errors import InputError
from common.sources.series.centuries import form_of, with_centuries
from common.sources.series.spacing import DAY, MONTH, SECOND, even, usual_step

if TYPE_CHECKING:
    import pandas as pd

CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[AaPp][Mm])?")
WITH_OFFSET = re.compile(r"(.*\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?) ?(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)")
SLASHED = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})((?:[ T,].*)?)")
YEAR_IN = re.compile(r"(?<!\d)[12]\d{3}(?!\d)")
COMPACT = (
    (re.compile(r"((?:19|20)\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?:\.0+)?"), r"\1-\2-\3"),
    (re.compile(r"((?:19|20)\d\d)(0[1-9]|1[0-2])(?:\.0+)?"), r"\1-\2"),
    (re.compile(r"((?:19|20)\d\d)M(0[1-9]|1[0-2])"), r"\1-\2"),
    (re.compile(r"Q([1-4])[ -/]?((?:19|20)\d\d)"), r"\2Q\1"),
)
"""Dates without marks between their parts, and quarters before their years; and how these are written otherwise."""
SINCE_1970 = {"s": r"[1-9]\d{8,9}(\.0+)?", "ms": r"[1-9]\d{11,12}(\.0+)?", "us": r"[1-9]\d{15}", "ns": r"[1-9]\d{18}"}
"""Times as numbers since 1970, by their unit, from the seventies on."""
TIME_WORDS = {
    "ds",
    "time",
    "date",
    "datetime",
    "timestamp",
    "unix",
    "epoch",
    "month",
    "period",
    "quarter",
    "week",
    "day",
}
"""Words in names of columns in which numbers may be times."""
NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?([eE][-+]?\d+)?")


FEWEST = 6
"""Steps of a month that make rows on different days monthly."""


class Times(NamedTuple):
    """The times of rows.

    Attributes:
        clock: Seconds since 1970 on the clock of the data, int64 `[rows]`.
        utc: Seconds since 1970 in UTC, int64 `[rows]`; as `clock` where no offset is given.
        with_offset: Whether the rows give their offset from UTC.
        day_first: Whether the day is before the month, where a date is only numbers; None if no date needs it.
        short: Whether years had two digits.
        fraction: Nanoseconds to add to each time, int64 `[rows]`; None where all times are whole seconds.
    """

    clock: np.ndarray
    utc: np.ndarray
    with_offset: bool
    day_first: bool | None
    short: bool = False
    fraction: np.ndarray | None = None

    @property
    def offset(self) -> str:
        """The offset from UTC of the last row, empty if none is given."""
        return _written(int(self.clock[-1] - self.utc[-1])) if self.with_offset else ""

    @property
    def newest_first(self) -> bool:
        """Whether each time is earlier than that before."""
        fraction = 0 if self.fraction is None else self.fraction
        return len(self.utc) > 1 and bool((np.diff(self.utc * SECOND + fraction) < 0).all())

    def take(self, rows: np.ndarray) -> Times:
        fraction = None if self.fraction is None else self.fraction[rows]
        return self._replace(clock=self.clock[rows], utc=self.utc[rows], fraction=fraction)

    def nanoseconds(self) -> np.ndarray:
        """The times on the clock of the last row, in nanoseconds since 1970."""
        return (self.utc + self.clock[-1] - self.utc[-1]) * SECOND + self.fraction

    def evenly(self) -> tuple[np.ndarray, int]:
        """The times that rows are evenly spaced by, and what to add to show them on the clock of the data.

        Months and days are those of the clock; in months, each has `MONTH` seconds. Shorter steps are those of UTC,
        which no clock change moves.
        """
        months = self._months()
        if months is not None:
            return MONTH * months, 0
        if self.months_of_any_day:
            return MONTH * self._month_numbers(), 0
        step = usual_step(self.clock)
        if step > 0 and step % DAY == 0 and not (np.diff(self.clock) % step).any():
            return self.clock, 0
        return self.utc, int(self.clock[-1] - self.utc[-1])

    @property
    def months_of_any_day(self) -> bool:
        """Whether rows are the same number of months apart, but not of days, as the last working days of months."""
        steps, months = np.diff(self.clock), np.diff(self._month_numbers())
        if len(steps) < FEWEST or months[0] <= 0 or (months != months[0]).any():
            return False
        return bool((steps != steps[0]).any()) and self._months() is None

    def _month_numbers(self) -> np.ndarray:
        """The month of each row, in months since 1970."""
        return self.clock.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)

    def _months(self) -> np.ndarray | None:
        """Months since 1970, if all rows are the same, or the last, day of a month, at the same hour."""
        days = self.clock.astype("datetime64[s]").astype("datetime64[D]")
        months = days.astype("datetime64[M]")
        day, last = days - months, (days + 1).astype("datetime64[M]") > months
        same_hour = (self.clock % DAY == self.clock[0] % DAY).all()
        months = months.astype(np.int64)
        fits = same_hour and ((day == day[0]).all() or last.all()) and (np.diff(months) > 0).all()
        return months if fits else None


def named_after_time(name: str) -> bool:
    """Whether a word in the name of a column is one for times."""
    return not TIME_WORDS.isdisjoint(re.split(r"[\W_]+", name.lower()))


def timely(values: pd.Series) -> np.ndarray:
    """Which cells read as times, whatever is first in dates of numbers alone."""
    if named_after_time(str(values.name)):
        values = _written_out(values)
    texts = _texts(values)
    if _is_short(values):
        return np.ones(len(values), bool)
    found = [_parsed(texts, day_first=day_first)[0].notna().to_numpy(bool) for day_first in (True, False)]
    return found[0] | found[1]


def times_of(
    values: pd.Series, *, day_first: bool | None, series: pd.Series | None, place: Callable[[int], str]
) -> Times:
    """The cells of a column as times.

    Args:
        values: The cells.
        day_first: Whether the day is before the month in dates such as 01/02/2000; None: as the cells suggest.
        series: The series of each row, if there are several; the rows of each are then evenly spaced.
        place: The name of a row in messages.

    Raises:
        InputError: A cell is no time that can be held; the message gives its place.
    """
    values = _written_out(values)
    short = _is_short(values)
    if short:
        read = with_centuries(
            values.str.strip(),
            lambda dates: _even(_parsed(dates, day_first=False)[0], series),
            day_first=day_first,
            place=place(0),
        )
        values, day_first = read
    texts = _texts(values)
    if day_first is None and not short:
        day_first = _day_first(texts, series, place)
    parsed, seconds = _parsed(texts, day_first=bool(day_first))
    for at in np.flatnonzero(parsed.isna())[:1]:
        raise InputError(f"{place(at)}: {_wrong(values.iloc[at], values.name)}; write 2014-12-31 23:30")
    nanoseconds = parsed.to_numpy("datetime64[ns]").astype(np.int64)
    clock, fraction = np.divmod(nanoseconds, SECOND)
    without = np.isnan(seconds)
    for at in np.flatnonzero(without != without[0])[:1]:
        has, other = ("no offset", "one") if without[at] else ("an offset", "none")
        raise InputError(
            f"{place(at)}: {str(values.iloc[at])[:40]!r} has {has} from UTC, where the first row has {other}; "
            "write all rows alike"
        )
    utc = clock - np.nan_to_num(seconds).astype(np.int64)
    return Times(clock, utc, not without[0], day_first, short, fraction if fraction.any() else None)


def _written(seconds: int) -> str:
    """An offset from UTC as text."""
    hours, minutes = divmod(abs(seconds) // 60, 60)
    return f"{'-' if seconds < 0 else '+'}{hours:02}:{minutes:02}"


def _wrong(cell: object, column: str) -> str:
    text = str(cell).strip()[:40]
    if NUMBER.fullmatch(text):
        return f"{text} in {column!r} is a number"
    return f"{text!r} in {column!r} is no time" + ("" if YEAR_IN.search(text) else " with a year of four digits")


def _written_out(values: pd.Series) -> pd.Series:
    """Dates without marks, and numbers since 1970, as dates with marks and as times in UTC, if all cells are such."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(values) or values.isna().any():
        return values
    cells = values.astype(str).str.strip()
    for form, marked in COMPACT:
        if cells.str.fullmatch(form).all():
            return cells.str.replace(f"^{form.pattern}$", marked, regex=True)
    for unit, form in SINCE_1970.items():
        if cells.str.fullmatch(form).all():
            since = pd.to_datetime(cells.str.split(".").str[0].astype("int64"), unit=unit)
            return since.dt.strftime("%Y-%m-%d %H:%M:%S.%f").str.removesuffix(".000000") + "Z"
    return values


def _texts(values: pd.Series) -> pd.Series:
    """Cells as they are parsed: times of a type remain, all else is text; numbers are years or nothing."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(values):
        return values
    texts = values.astype(object).where(values.notna(), "").astype(str).str.strip()
    number = texts.str.fullmatch(NUMBER)
    years = (str(values.name).lower() == "year") & texts.str.fullmatch(r"[1-9]\d{3}(\.0+)?")
    return texts.where(~number, texts.str[:4].where(years, "")).where(
        texts.map(str.isascii) & texts.str.contains(YEAR_IN), ""
    )


def _is_short(values: pd.Series) -> bool:
    return values.dtype == object and bool(values.notna().all()) and form_of(values.astype(str).str.strip()) is not None


def _parsed(texts: pd.Series, *, day_first: bool) -> tuple[pd.Series, np.ndarray]:
    """Times without an offset, NaT where a cell is none; and the seconds that each is ahead of UTC, NaN without."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(texts):
        if texts.dt.tz is None:
            return texts, np.full(len(texts), np.nan)
        clock = texts.dt.tz_localize(None)
        ahead = (clock - texts.dt.tz_convert("UTC").dt.tz_localize(None)).dt.total_seconds()
        return clock, ahead.to_numpy()
    parts = texts.str.extract(f"^{WITH_OFFSET.pattern}$")
    ahead = parts[1].map({text: _seconds(text) for text in parts[1].dropna().unique()}).astype(float).to_numpy()
    texts = parts[0].where(parts[0].notna(), texts)
    order = r"\4-\3-\1\5" if day_first else r"\4-\1-\3\5"
    texts = texts.str.replace(f"^{SLASHED.pattern}$", order, regex=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Times of no one format are parsed one by one.
        found = pd.to_datetime(texts, errors="coerce", utc=True)
        rest = found.isna() & (texts != "")
        if rest.any():
            found = found.where(~rest, pd.to_datetime(texts[rest], errors="coerce", utc=True, format="mixed"))
    return found.dt.tz_localize(None), ahead


def _seconds(offset: str) -> int:
    """The seconds of an offset from UTC."""
    digits = re.sub(r"\D", "", offset)
    if not digits:
        return 0
    sign = -1 if offset.startswith("-") else 1
    return sign * (3_600 * int(digits[:2]) + 60 * int(digits[2:] or 0))


def _day_first(texts: pd.Series, series: pd.Series | None, place: Callable[[int], str]) -> bool | None:
    """Whether the day is first in dates of numbers alone: where a number is more than 12, or the rows are then even."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(texts):
        return None
    parts = texts.str.extract(f"^{SLASHED.pattern}$")
    if parts[0].isna().all():
        return None
    first, second = (parts[n].dropna().astype(int) for n in (0, 2))
    if (first > 12).any() or (second > 12).any():
        return bool((first > 12).any())
    fits = {way: _even(_parsed(texts, day_first=way)[0], series) for way in (True, False)}
    if fits[True] == fits[False]:
        at = int(np.flatnonzero(parts[0].notna())[0])
        raise InputError(
            f"{place(at)}: {texts.iloc[at]!r} in {texts.name!r} can be read with the day or the month first; "
            "give --day-first or --no-day-first"
        )
    return fits[True]


def _even(parsed: pd.Series, series: pd.Series | None) -> bool:
    """Whether the rows of every series are evenly spaced, without a gap, the oldest or the newest first."""
    if parsed.isna().any():
        return False
    seconds = parsed.to_numpy("datetime64[s]").astype(np.int64)
    parts = [seconds] if series is None else [seconds[at] for at in series.groupby(series, sort=False).indices.values()]
    parts = [part[::-1] if part[0] > part[-1] else part for part in parts]
    return all(len(part) > 1 and even(Times(part, part, False, None).evenly()[0]) for part in parts)
