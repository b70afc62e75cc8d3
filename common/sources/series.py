"""Time series: the embedded electricity demand, a user's own CSV or Parquet files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from common.errors import InputError
from common.sources.files import existing, format_of, plain_name

if TYPE_CHECKING:
    import pandas as pd

EMBEDDED = Path(__file__).with_name("figures") / "victoria_demand.csv.gz"
TIME_NAMES = ("ds", "time", "date", "datetime", "timestamp")
LONG = ("unique_id", "ds", "y")
Missing = Literal["refuse", "allow"]


class Group(NamedTuple):
    """Series that share their times.

    Attributes:
        name: `unique_id`, or the file's name.
        times: Seconds since 1970, `[rows]`, evenly spaced.
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
    """

    groups: list[Group]
    columns: list[str]
    covariates: list[str]
    seconds: int
    source: str


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
            return pd.read_parquet(path)
        if kind in (".csv", ".tsv", ".txt"):
            return pd.read_csv(path, sep="\t" if kind == ".tsv" else ",", encoding="utf-8-sig")
    except (OSError, ValueError) as error:
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
    long = all(name in names for name in LONG) and set(targets) <= {"y"}
    time = time_column or ("ds" if long else _time_column(names, source))
    if time not in names:
        raise InputError(f"{source}: no column {time!r}, which --time-column names; it has {', '.join(names)}")
    columns = ["y"] if long else list(targets) or _numeric(frame, {time, *known}, source)
    parts = dict(list(frame.groupby("unique_id", sort=False))) if long else {Path(source).name: frame}
    groups = [_group(str(name), part, time, columns, known, missing, ahead, source) for name, part in parts.items()]
    spacing = {int(group.times[1] - group.times[0]) for group in groups}
    if len(spacing) > 1:
        raise InputError(f"{source}: series of different spacing, {' and '.join(map(str, sorted(spacing)))} seconds")
    return Panel(groups, columns, list(known), spacing.pop(), source)


def _time_column(names: Sequence[str], source: str) -> str:
    for name in names:
        if name.lower() in TIME_NAMES:
            return name
    raise InputError(f"{source}: no column named {' or '.join(TIME_NAMES)}; name one with --time-column")


def _numeric(frame: pd.DataFrame, other: set[str], source: str) -> list[str]:
    import pandas as pd

    found = [name for name in frame.columns if name not in other and pd.api.types.is_numeric_dtype(frame[name])]
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
    def line(at: int) -> int:
        return int(frame.index[at]) + 2  # After the line of names, counted from 1.

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
            f"{source}:{line(at)}: {steps[at - 1]} seconds after the row before, where {spacing} are usual"
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


def _times(frame: pd.DataFrame, time: str, source: str, line: object) -> np.ndarray:
    import pandas as pd

    parsed = pd.to_datetime(frame[time], errors="coerce", utc=True)
    for at in np.flatnonzero(parsed.isna())[:1]:
        raise InputError(
            f"{source}:{line(at)}: {frame[time].iloc[at]!r} in {time!r} is no time; write 2014-12-31 23:30"
        )
    return parsed.dt.tz_localize(None).to_numpy().astype("datetime64[s]").astype(np.int64)


def _numbers(frame: pd.DataFrame, names: Sequence[str], source: str, line: object) -> np.ndarray:
    import pandas as pd

    columns = []
    for name in names:
        numbers = pd.to_numeric(frame[name], errors="coerce")
        for at in np.flatnonzero(numbers.isna() & frame[name].notna())[:1]:
            raise InputError(f"{source}:{line(at)}: {frame[name].iloc[at]!r} in {name!r} is no number; give one")
        for at in np.flatnonzero(np.isinf(numbers))[:1]:
            raise InputError(f"{source}:{line(at)}: {name!r} is infinite; give a number")
        columns.append(numbers.to_numpy(np.float32))
    return np.stack(columns, 1) if columns else np.zeros((len(frame), 0), np.float32)
