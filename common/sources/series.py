"""Time series from a user's CSV or Parquet files."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from common.errors import InputError
from common.sources.files import existing, format_of, plain_name

if TYPE_CHECKING:
    import pandas as pd

TIME_NAMES = ("ds", "time", "date", "datetime", "timestamp")
PERIOD_NAMES = ("month", "period", "quarter", "year", "week", "day")
"""Names of the time column where its first value reads as a time."""
MINUTE, HOUR, DAY, WEEK, YEAR = 60, 3_600, 86_400, 604_800, 31_556_952  # Seconds; a year is the mean Gregorian one.
MONTH = YEAR // 12
Missing = Literal["refuse", "allow"]


@dataclass(frozen=True, kw_only=True)
class Group:
    """Series that share their times.

    Attributes:
        name: The `unique_id`, or the name of the file.
        times: Seconds since 1970, int64 `[rows]`, evenly spaced; in monthly data every month has `MONTH` seconds.
        values: Values to forecast, float32 `[rows, columns]`; NaN where missing.
        known: Covariates whose future is known, float32 `[rows, covariates]`.
    """

    name: str
    times: np.ndarray
    values: np.ndarray
    known: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Groups of series with the same columns and the same spacing.

    Attributes:
        groups: One or more.
        columns: Names of the values to forecast.
        covariates: Names of the covariates.
        seconds: Time between two rows.
        time: Name of the time column.
        source: The origin of the series, for people to read.
        left_out: Unused columns, if the user named no column to forecast.
    """

    groups: list[Group]
    columns: list[str]
    covariates: list[str]
    seconds: int
    time: str
    source: str
    left_out: tuple[str, ...] = ()


def spaced(seconds: int) -> str:
    """The time between two rows, for people: `3,600 s`, `month` or `3 months`."""
    months, rest = divmod(seconds, MONTH)
    return f"{seconds:,} s" if rest else "month" if months == 1 else f"{months} months"


def as_times(times: np.ndarray, seconds: int) -> np.ndarray:
    """Times as `datetime64`, in months if rows are whole months apart (`seconds`), otherwise in seconds."""
    return (times // MONTH).astype("datetime64[M]") if seconds % MONTH == 0 else times.astype("datetime64[s]")


def as_text(times: np.ndarray, seconds: int) -> list[str]:
    """Times as text: to the month for monthly rows, otherwise to the minute, or to the second if a time needs it."""
    unit = "M" if seconds % MONTH == 0 else "s" if (times % 60).any() else "m"
    return [text.replace("T", " ") for text in np.datetime_as_string(as_times(times, seconds), unit).tolist()]


@dataclass(frozen=True, kw_only=True)
class SeriesReader:
    """Reads time series from one file.

    The file is wide (a time column and numeric columns) or long (`unique_id`, a time column, `y` and covariates).

    Attributes:
        targets: Columns to forecast; if empty, all numeric columns that are not in `known`.
        known: Columns whose future is known; None means none, or those of the embedded data set.
        time_column: Name of the time column. None: one of a usual name, or else the first whose every value reads as a
            time.
        missing: Whether values may be missing and rows left out; missing values become NaN.
        ahead: Whether a series may end in rows without values, which give the future of its covariates.
    """

    targets: Sequence[str] = ()
    known: Sequence[str] | None = None
    time_column: str | None = None
    missing: Missing = "refuse"
    ahead: bool = False

    def read(self, data: str) -> Panel:
        """Reads the series of a CSV or Parquet file.

        Raises:
            InputError: Something in the data is wrong; the message gives column and line.
        """
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
        frame = _frame(path)
        frame.columns = names = [str(name) for name in frame.columns]
        if frame.empty:
            raise InputError(f"{source}: no rows; fill the file")
        known = list(self.known or ())
        self._check_names(names, source)
        time = self._time_column(frame, source)
        long = {"unique_id", time, "y"} <= set(names) and set(self.targets) <= {"y"}
        columns = ["y"] if long else list(self.targets) or _numeric(frame, {time, *known}, source)
        whole = _Rows(frame, source, Path(source).name)
        groups = [self._group(rows, time, columns) for rows in (_by_series(whole) if long else [whole])]
        spacing = {int(group.times[1] - group.times[0]) for group in groups}
        if len(spacing) > 1:
            raise InputError(f"{source}: series of different spacing, {' and '.join(map(spaced, sorted(spacing)))}")
        read = {time, *columns, *known, *(["unique_id"] if long else [])}
        left_out = () if self.targets else tuple(name for name in names if name not in read)
        return Panel(
            groups=groups,
            columns=columns,
            covariates=known,
            seconds=spacing.pop(),
            time=time,
            source=source,
            left_out=left_out,
        )

    def _time_column(self, frame: pd.DataFrame, source: str) -> str:
        names = list(frame.columns)
        if self.time_column is not None:
            if self.time_column not in names:
                raise InputError(
                    f"{source}: no column {self.time_column!r}, which --time-column names; it has {', '.join(names)}"
                )
            return self.time_column
        if {"unique_id", "ds", "y"} <= set(names):
            return "ds"
        others = [name for name in names if name not in {"unique_id", *self.targets, *(self.known or ())}]
        usual = [name for name in names if name.lower() in TIME_NAMES]
        timely = [name for name in others if _parsed(frame[name][:1]).notna().all()]
        periods = [name for name in timely if name.lower() in PERIOD_NAMES]
        if found := [*usual, *periods] or [name for name in timely if _parsed(frame[name]).notna().all()]:
            return found[0]
        raise InputError(
            f"{source}: no column named {', '.join(TIME_NAMES)}, and none of times alone, such as 2014-12-31 23:30; it "
            f"has {', '.join(names)}; name one with --time-column"
        )

    def _check_names(self, present: Sequence[str], source: str) -> None:
        for option, wanted in (("--target", self.targets), ("--known", self.known or ())):
            for name in wanted:
                if name not in present:
                    raise InputError(f"{source}: no column {name!r}, which {option} names; it has {', '.join(present)}")
        if both := [name for name in self.known or () if name in self.targets]:
            raise InputError(f"--known {both[0]}: named as --target too; a column is one or the other")

    def _group(self, rows: _Rows, time: str, columns: Sequence[str]) -> Group:
        times = rows.times(time)
        if len(times) < 3:
            raise InputError(f"{rows.source}: series {rows.name!r} has {len(times)} rows; give three or more")
        known = self.known or ()
        values, covariates = rows.numbers(columns), rows.numbers(known)
        spacing = self._spacing(rows, times, time)
        self._check_present(rows, values, columns)
        for row, column in np.argwhere(np.isnan(covariates))[:1]:
            raise InputError(f"{rows.place(row)}: no value in {known[column]!r}, which is to be known; give one")
        places = (times - times[0]) // spacing
        even = np.full((int(places[-1]) + 1, len(columns)), np.nan, np.float32)
        even[places] = values
        if not known:
            covariates = np.zeros((len(even), 0), np.float32)
        times = times[0] + spacing * np.arange(len(even))
        return Group(name=rows.name, times=times, values=even, known=covariates)

    def _spacing(self, rows: _Rows, times: np.ndarray, time: str) -> int:
        """The usual seconds between two rows; refuses times with another spacing."""
        steps = np.diff(times)
        for at in np.flatnonzero(steps <= 0)[:1] + 1:
            wrong = "repeats the time" if steps[at - 1] == 0 else "is earlier than that"
            raise InputError(
                f"{rows.place(at)}: {time} of series {rows.name!r} {wrong} of the row before; sort, one row per time"
            )
        different, counts = np.unique(steps, return_counts=True)
        spacing = int(different[counts.argmax()])
        for at in np.flatnonzero(steps % spacing)[:1] + 1:
            step = spaced(int(steps[at - 1]))
            raise InputError(f"{rows.place(at)}: {step} after the row before, where {spaced(spacing)} is usual")
        for at in np.flatnonzero(steps != spacing)[:1] + 1:
            if self.missing == "refuse":
                raise InputError(
                    f"{rows.place(at)}: {steps[at - 1] // spacing - 1} rows are left out before this one of series "
                    f"{rows.name!r}; add them, or give --missing allow"
                )
            if self.known:
                raise InputError(
                    f"{rows.place(at)}: rows are left out, so {self.known[0]!r} is not known there; add them"
                )
        return spacing

    def _check_present(self, rows: _Rows, values: np.ndarray, columns: Sequence[str]) -> None:
        """Refuses missing values where they are not allowed."""
        filled = np.flatnonzero(~np.isnan(values).all(1))
        if not len(filled):
            raise InputError(f"{rows.source}: series {rows.name!r} has no value in {', '.join(columns)}; give some")
        given = values[: filled[-1] + 1] if self.ahead else values
        for row, column in np.argwhere(np.isnan(given))[:1]:
            if self.missing == "refuse":
                raise InputError(f"{rows.place(row)}: no value in {columns[column]!r}; give one, or --missing allow")


class _Rows(NamedTuple):
    """Rows of a file that belong to one group of series."""

    frame: pd.DataFrame
    source: str
    name: str

    def place(self, at: int) -> str:
        """The line of a row: the first line holds names, and lines count from 1."""
        return f"{self.source}:{int(self.frame.index[at]) + 2}"

    def times(self, column: str) -> np.ndarray:
        """Seconds since 1970, int64 `[rows]`; rows that are all spaced by whole months count as evenly spaced."""
        import pandas as pd

        values = self.frame[column]
        parsed = _parsed(values)
        for at in np.flatnonzero(parsed.isna())[:1]:
            number = pd.api.types.is_numeric_dtype(values)
            shown, wrong = (values.iloc[at], "a number") if number else (repr(values.iloc[at]), "no time")
            raise InputError(f"{self.place(at)}: {shown} in {column!r} is {wrong}; write 2014-12-31 23:30")
        months = (12 * (parsed.dt.year - 1970) + parsed.dt.month - 1).to_numpy()
        same_day = parsed.dt.day.nunique() == 1 or parsed.dt.is_month_end.all()
        if same_day and parsed.dt.time.nunique() == 1 and (np.diff(months) > 0).all():
            return MONTH * months.astype(np.int64)
        return parsed.dt.tz_localize(None).to_numpy().astype("datetime64[s]").astype(np.int64)

    def numbers(self, names: Sequence[str]) -> np.ndarray:
        """The values of columns, float32 `[rows, columns]`; NaN where there is none."""
        import pandas as pd

        columns = []
        for name in names:
            values = self.frame[name]
            numbers = pd.to_numeric(values, errors="coerce").astype(np.float64)
            for at in np.flatnonzero(numbers.isna() & values.notna())[:1]:
                raise InputError(
                    f"{self.place(at)}: {values.iloc[at]!r} in {name!r} is no number; give one, or other columns"
                )
            for at in np.flatnonzero(np.isinf(numbers))[:1]:
                raise InputError(f"{self.place(at)}: {name!r} is infinite; give a number")
            columns.append(numbers.to_numpy(np.float32))
        return np.stack(columns, 1) if columns else np.zeros((len(self.frame), 0), np.float32)


def _by_series(rows: _Rows) -> list[_Rows]:
    """The rows of each `unique_id` of a long file."""
    for at in np.flatnonzero(rows.frame["unique_id"].isna())[:1]:
        raise InputError(f"{rows.place(at)}: no value in 'unique_id'; name the series of this row")
    return [_Rows(part, rows.source, str(name)) for name, part in rows.frame.groupby("unique_id", sort=False)]


def _frame(path: Path) -> pd.DataFrame:
    import pandas as pd

    kind = format_of(path)
    try:
        if kind == ".parquet" and plain_name(path) == path:
            frame = pd.read_parquet(path)
            return frame.reset_index(drop=frame.index.names == [None])
        if kind in (".csv", ".tsv", ".txt"):
            separator = "\t" if kind == ".tsv" else ","
            text = {"sep": separator, "encoding": "utf-8-sig", "dtype": {"unique_id": str}, "skip_blank_lines": False}
            frame = pd.read_csv(path, **text)
            if not isinstance(frame.index, pd.RangeIndex):
                raise ValueError("line 2 has more fields than line 1 has names")
            return frame.dropna(how="all")  # The remaining rows keep their line numbers.
    except (OSError, ValueError, EOFError, zlib.error) as error:
        raise InputError(
            f"{path}: cannot be read ({' '.join(str(error).split())[:200]}); give CSV or Parquet"
        ) from error
    raise InputError(f"{path}: a file of unknown type; .csv, .tsv (each also as .gz) and .parquet can be read")


def _parsed(values: pd.Series) -> pd.Series:
    """The values as times in UTC, NaT where one is none. Numbers are none, but for the years in a column `year`."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(values):
        numbers = values.astype(float)
        years = (str(values.name).lower() == "year") & numbers.between(1000, 9999) & (numbers % 1 == 0)
        values = numbers.map("{:.0f}".format).where(years)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Times of no one format are parsed one by one.
        return pd.to_datetime(values, errors="coerce", utc=True)


def _numeric(frame: pd.DataFrame, other: set[str], source: str) -> list[str]:
    """The columns that hold at least one number; reading them refuses anything else in them."""
    import pandas as pd

    def holds_one(values: pd.Series) -> bool:
        return pd.api.types.is_numeric_dtype(values) or pd.to_numeric(values.astype(str), errors="coerce").notna().any()

    found = [name for name in frame.columns if name not in other and holds_one(frame[name])]
    if not found:
        raise InputError(f"{source}: no numeric column to forecast; name one with --target")
    return found
