"""Time series: the embedded electricity demand, a user's own CSV or Parquet files."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from common.errors import InputError
from common.sources.files import existing, format_of, plain_name

if TYPE_CHECKING:
    import pandas as pd

EMBEDDED = Path(__file__).with_name("figures") / "victoria_demand.csv.gz"
TIME_NAMES = ("ds", "time", "date", "datetime", "timestamp")
MONTH = 2_629_746  # Seconds, a twelfth of the mean year.
Missing = Literal["refuse", "allow"]


class Group(NamedTuple):
    """Series that share their times.

    Attributes:
        name: `unique_id`, or the file's name.
        times: Seconds since 1970, `[rows]`, evenly spaced; of rows that are months apart, each month takes `MONTH`.
        values: To forecast, `[rows, columns]`; NaN where missing.
        known: Covariates known ahead, `[rows, covariates]`.
    """

    name: str
    times: np.ndarray
    values: np.ndarray
    known: np.ndarray


@dataclass(frozen=True)
class Panel:
    """Groups of series, all of the same columns and the same spacing.

    Attributes:
        groups: At least one.
        columns: Names of the values.
        covariates: Names of what is known ahead.
        seconds: Between two rows.
        source: For people: where they came from.
        left_out: Columns that are neither to forecast nor known, where none to forecast was named.
    """

    groups: list[Group]
    columns: list[str]
    covariates: list[str]
    seconds: int
    source: str
    left_out: tuple[str, ...] = ()


def spaced(seconds: int) -> str:
    """How far rows are apart, for people."""
    months, rest = divmod(seconds, MONTH)
    return f"{seconds:,} s" if rest else "month" if months == 1 else f"{months} months"


def as_times(times: np.ndarray, seconds: int) -> np.ndarray:
    """Times of rows so far apart as `datetime64`."""
    return (times // MONTH).astype("datetime64[M]") if seconds % MONTH == 0 else times.astype("datetime64[s]")


def as_text(times: np.ndarray, seconds: int) -> list[str]:
    """Times as they are written: months, minutes, or seconds where minutes do not tell them apart."""
    unit = "M" if seconds % MONTH == 0 else "s" if (times % 60).any() else "m"
    return [text.replace("T", " ") for text in np.datetime_as_string(as_times(times, seconds), unit).tolist()]


def load(
    data: str | None,
    targets: Sequence[str] = (),
    known: Sequence[str] | None = None,
    time_column: str | None = None,
    missing: Missing = "refuse",
    ahead: bool = False,
) -> Panel:
    """Loads time series.

    Args:
        data: None for the electricity demand of Victoria, 2014; or a CSV or Parquet file, wide (a time column and
            numeric columns) or long (`unique_id`, `ds`, `y` and further columns).
        targets: Columns to forecast; all numeric ones that are not `known` when none is named.
        known: Columns whose future is known ahead; None is none, and of the embedded data workday and temperature.
        time_column: Its name; found by its usual names when not given.
        missing: Whether values may be missing, and rows be left out; what is missing is then NaN.
        ahead: Whether a series may end in rows without values, whose covariates are known ahead.

    Raises:
        InputError: Something in the data, or about it, is wrong; says the column and the row.
    """
    if data is None:
        known = ("workday", "temperature_c") if known is None else known
        source = "electricity demand of Victoria, 2014"
        return _panel(_frame(EMBEDDED), targets or ("demand_gw",), known, "time", missing, ahead, source)
    if data.startswith("tfds:"):
        raise InputError(f"--data {data}: time series are read from files; give a CSV or Parquet file")
    path = existing(data)
    if path.is_dir():
        raise InputError(f"--data {data}: a folder; give one CSV or Parquet file")
    return _panel(_frame(path), targets, known or (), time_column, missing, ahead, data)


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
            return frame.dropna(how="all")  # The rows that are left keep their numbers.
    except (OSError, ValueError, EOFError, zlib.error) as error:
        raise InputError(
            f"{path}: cannot be read ({' '.join(str(error).split())[:200]}); give CSV or Parquet"
        ) from error
    raise InputError(f"{path}: a file of unknown type; .csv, .tsv (each also as .gz) and .parquet can be read")


def _panel(
    frame: pd.DataFrame,
    targets: Sequence[str],
    known: Sequence[str],
    time_column: str | None,
    missing: Missing,
    ahead: bool,
    source: str,
) -> Panel:
    names = [str(name) for name in frame.columns]
    frame.columns = names
    if frame.empty:
        raise InputError(f"{source}: no rows; fill the file")
    for option, wanted in (("--target", targets), ("--known", known)):
        for name in wanted:
            if name not in names:
                raise InputError(f"{source}: no column {name!r}, which {option} names; it has {', '.join(names)}")
    if both := [name for name in known if name in targets]:
        raise InputError(f"--known {both[0]}: named as --target too; a column is one or the other")
    long = {"unique_id", time_column or "ds", "y"} <= set(names) and set(targets) <= {"y"}
    time = time_column or ("ds" if long else _time_column(names, source))
    if time not in names:
        raise InputError(f"{source}: no column {time!r}, which --time-column names; it has {', '.join(names)}")
    columns = ["y"] if long else list(targets) or _numeric(frame, {time, *known}, source)
    for at in np.flatnonzero(frame["unique_id"].isna())[:1] if long else ():
        raise InputError(f"{source}:{_line(frame, at)}: no value in 'unique_id'; name the series of this row")
    parts = dict(list(frame.groupby("unique_id", sort=False))) if long else {Path(source).name: frame}
    groups = [_group(str(name), part, time, columns, known, missing, ahead, source) for name, part in parts.items()]
    spacing = {int(group.times[1] - group.times[0]) for group in groups}
    if len(spacing) > 1:
        raise InputError(f"{source}: series of different spacing, {' and '.join(map(spaced, sorted(spacing)))}")
    read = {time, *columns, *known, *(["unique_id"] if long else [])}
    left_out = () if targets else tuple(name for name in names if name not in read)
    return Panel(groups, columns, list(known), spacing.pop(), source, left_out)


def _line(frame: pd.DataFrame, at: int) -> int:
    return int(frame.index[at]) + 2  # After the line of names, counted from 1.


def _time_column(names: Sequence[str], source: str) -> str:
    for name in names:
        if name.lower() in TIME_NAMES:
            return name
    raise InputError(f"{source}: no column named {' or '.join(TIME_NAMES)}; name one with --time-column")


def _numeric(frame: pd.DataFrame, other: set[str], source: str) -> list[str]:
    """The columns that hold a number; whether they hold anything else is seen when they are read."""
    import pandas as pd

    def holds_one(values: pd.Series) -> bool:
        return pd.api.types.is_numeric_dtype(values) or pd.to_numeric(values.astype(str), errors="coerce").notna().any()

    found = [name for name in frame.columns if name not in other and holds_one(frame[name])]
    if not found:
        raise InputError(f"{source}: no numeric column to forecast; name one with --target")
    return found


def _group(
    name: str,
    frame: pd.DataFrame,
    time: str,
    columns: Sequence[str],
    known: Sequence[str],
    missing: Missing,
    ahead: bool,
    source: str,
) -> Group:
    line = partial(_line, frame)
    times = _times(frame, time, source, line)
    if len(times) < 3:
        raise InputError(f"{source}: series {name!r} has {len(times)} rows; give three or more")
    values, covariates = (_numbers(frame, names, source, line) for names in (columns, known))
    steps = np.diff(times)
    for at in np.flatnonzero(steps <= 0)[:1] + 1:
        wrong = "repeats the time" if steps[at - 1] == 0 else "is earlier than that"
        raise InputError(
            f"{source}:{line(at)}: {time} of series {name!r} {wrong} of the row before; sort, one row a time"
        )
    spacing = int(np.bincount(np.unique(steps, return_inverse=True)[1]).argmax())
    spacing = int(np.unique(steps)[spacing])
    for at in np.flatnonzero(steps % spacing)[:1] + 1:
        raise InputError(
            f"{source}:{line(at)}: {spaced(int(steps[at - 1]))} after the row before, where {spaced(spacing)} is usual"
        )
    for at in np.flatnonzero(steps != spacing)[:1] + 1:
        if missing == "refuse":
            raise InputError(
                f"{source}:{line(at)}: {steps[at - 1] // spacing - 1} rows are left out before this one of series "
                f"{name!r}; add them, or give --missing allow"
            )
        if known:
            raise InputError(f"{source}:{line(at)}: rows are left out, so {known[0]!r} is not known there; add them")
    there = np.flatnonzero(~np.isnan(values).all(1))
    if not len(there):
        raise InputError(f"{source}: series {name!r} has no value in {', '.join(columns)}; give some")
    told = values[: there[-1] + 1] if ahead else values
    for row, column in np.argwhere(np.isnan(told))[:1]:
        if missing == "refuse":
            raise InputError(f"{source}:{line(row)}: no value in {columns[column]!r}; give one, or --missing allow")
    for row, column in np.argwhere(np.isnan(covariates))[:1]:
        raise InputError(f"{source}:{line(row)}: no value in {known[column]!r}, which is to be known; give one")
    places = (times - times[0]) // spacing
    even = np.full((int(places[-1]) + 1, len(columns)), np.nan, np.float32)
    even[places] = values
    return Group(
        name,
        times[0] + spacing * np.arange(len(even)),
        even,
        covariates if known else np.zeros((len(even), 0), np.float32),
    )


def _times(frame: pd.DataFrame, time: str, source: str, line: Callable[[int], int]) -> np.ndarray:
    import pandas as pd

    parsed = pd.to_datetime(frame[time], errors="coerce", utc=True)
    for at in np.flatnonzero(parsed.isna())[:1]:
        raise InputError(
            f"{source}:{line(at)}: {frame[time].iloc[at]!r} in {time!r} is no time; write 2014-12-31 23:30"
        )
    if pd.api.types.is_numeric_dtype(frame[time]):
        raise InputError(f"{source}:{line(0)}: {frame[time].iloc[0]} in {time!r} is a number; write 2014-12-31 23:30")
    months = (12 * (parsed.dt.year - 1970) + parsed.dt.month - 1).to_numpy()
    same_day = parsed.dt.day.nunique() == 1 or parsed.dt.is_month_end.all()
    if same_day and parsed.dt.time.nunique() == 1 and (np.diff(months) > 0).all():
        return MONTH * months.astype(np.int64)
    return parsed.dt.tz_localize(None).to_numpy().astype("datetime64[s]").astype(np.int64)


def _numbers(frame: pd.DataFrame, names: Sequence[str], source: str, line: Callable[[int], int]) -> np.ndarray:
    import pandas as pd

    columns = []
    for name in names:
        numbers = pd.to_numeric(frame[name], errors="coerce").astype(np.float64)
        for at in np.flatnonzero(numbers.isna() & frame[name].notna())[:1]:
            raise InputError(
                f"{source}:{line(at)}: {frame[name].iloc[at]!r} in {name!r} is no number; give one, or other columns"
            )
        for at in np.flatnonzero(np.isinf(numbers))[:1]:
            raise InputError(f"{source}:{line(at)}: {name!r} is infinite; give a number")
        columns.append(numbers.to_numpy(np.float32))
    return np.stack(columns, 1) if columns else np.zeros((len(frame), 0), np.float32)
